/** Tests that iptables and the kernel take although no packet passes, or every one does. */
import type { Option } from '../../ruleset/model.ts'
import { type Refusal, refuse } from '../extension.ts'

/** The option's test is never true; negated it always is. */
export function neverTrue(option: Option, why: string): Refusal {
  const { name, negated, values } = option
  const written = `${negated ? '! ' : ''}--${name} ${values.join(' ')}`.trim()
  return negated
    ? refuse('matches-everything', `"${written}" matches everything: ${why}`, 'remove the option')
    : refuse('never-matches', `"${written}" matches nothing: ${why}`, 'remove the rule')
}

/** Bits of VALUE that MASK clears are never there: `--mark 0x1ff/0xff`. */
export function outsideMask(options: readonly Option[]): Refusal | undefined {
  for (const option of options) {
    const [value, mask] = (option.values[0] ?? '').split('/').map(Number)
    if (value === undefined || mask === undefined || Number.isNaN(mask)) continue
    if ((value & ~mask) >>> 0 !== 0) {
      return neverTrue(option, 'the value has bits that the mask clears')
    }
  }
  return undefined
}

/** A range that holds all values, negated. */
export function negatedFullRange(options: readonly Option[], full: string): Refusal | undefined {
  const never = options.find((o) => o.negated && o.values[0] === full)
  return (
    never &&
    refuse('never-matches', `"! --${never.name} ${full}" matches nothing`, 'remove the rule')
  )
}

/** A range whose first end is over its last. */
export function reversedRange(options: readonly Option[]): Refusal | undefined {
  for (const option of options) {
    const [from, to] = (option.values[0] ?? '').split(':').map(Number)
    if (from !== undefined && to !== undefined && from > to) {
      return neverTrue(option, 'the range is reversed')
    }
  }
  return undefined
}

/** One certain value that no packet passes: `--ttl-lt 0`. */
export function impossible(
  options: readonly Option[],
  values: Readonly<Record<string, string>>,
  why: string,
): Refusal | undefined {
  const never = options.find((o) => values[o.name] === o.values.join(' '))
  return never && neverTrue(never, why)
}

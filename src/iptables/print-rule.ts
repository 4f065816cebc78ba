import { findMatch, findTarget } from '../extensions/catalogue.ts'
import type { Extension } from '../extensions/extension.ts'
import type { Names } from '../extensions/names.ts'
import { LATER_PROTOCOL_NAMES, OWN_PROTOCOL_NAMES } from '../extensions/values/protocol.ts'
import {
  atLeast,
  type Criterion,
  type Dialect,
  type Match,
  type Option,
  type RuleSpec,
} from '../ruleset/model.ts'
import { mergeMatches } from './merge-matches.ts'
import { quoteAlways, quoteText, quoteWord } from './tokenise.ts'

/** The module of a rule that is kept word for word as a whole. */
export const UNREADABLE = ''

/** The words after `-A CHAIN`, as the dialect's own iptables-save prints them. */
export function printRule(spec: RuleSpec, dialect: Dialect, names: Names): string {
  const { family } = dialect
  const parts: string[] = []
  const [first] = spec.matches
  if (first?.module === UNREADABLE && first.opaque) return first.opaque.map(quoteWord).join(' ')
  const add = (flag: string, criterion: Criterion | undefined): void => {
    if (criterion === undefined) return
    parts.push(`${criterion.negated ? '! ' : ''}${flag}${criterion.value && ` ${criterion.value}`}`)
  }
  add('-s', spec.source)
  add('-d', spec.destination)
  add('-i', savedInterface(spec.inInterface, dialect))
  add('-o', savedInterface(spec.outInterface, dialect))
  add(
    '-p',
    spec.protocol && {
      ...spec.protocol,
      value: printProtocol(spec.protocol.value, dialect, names),
    },
  )
  add('-f', spec.fragment)
  for (const { module, options, opaque } of storedMatches(spec.matches, dialect)) {
    parts.push(`-m ${module}`)
    if (opaque) parts.push(...opaque.map(quoteWord))
    else
      parts.push(...printOptions(findMatch(module, family) as Extension, options, dialect, names))
  }
  if (spec.target) {
    const { verb, name, options, opaque } = spec.target
    parts.push(`${verb === 'jump' ? '-j' : '-g'} ${name}`)
    if (opaque) parts.push(...opaque.map(quoteWord))
    else if (options.length > 0) {
      parts.push(...printOptions(findTarget(name, family) as Extension, options, dialect, names))
    }
  }
  return parts.join(' ')
}

/** `! -i +` (no interface) is not saved by legacy before 1.8.11 and nft before 1.8.9. */
function savedInterface(
  criterion: Criterion | undefined,
  { backend, version }: Dialect,
): Criterion | undefined {
  const since = backend === 'nft' ? ([1, 8, 9] as const) : ([1, 8, 11] as const)
  return criterion?.value === '+' && !atLeast(version, since) ? undefined : criterion
}

/**
 * From 1.8.8 on nft stores the tests of mergeable matches one by one and reads them as one match;
 * of two tests of the same thing it reads the last.
 */
function storedMatches(matches: readonly Match[], dialect: Dialect): readonly Match[] {
  const merges = dialect.backend === 'nft' && atLeast(dialect.version, [1, 8, 8])
  return merges ? mergeMatches(matches, dialect.family, 'last-wins') : matches
}

/** From 1.8.11 on iptables no longer asks /etc/protocols when it saves. */
function printProtocol(number: string, { version }: Dialect, names: Names): string {
  const own = OWN_PROTOCOL_NAMES[number]
  if (own !== undefined) return own
  if (atLeast(version, [1, 8, 11])) return LATER_PROTOCOL_NAMES[number] ?? number
  return names.protocolName(Number(number)) ?? number
}

function printOptions(
  extension: Extension,
  options: readonly Option[],
  dialect: Dialect,
  names: Names,
): string[] {
  const printed = extension.print?.(options, dialect) ?? options
  return printed
    .filter((option) => !isLostOnSave(extension, option, dialect))
    .map(({ name, negated, values }) => {
      const spec = extension.options[name]
      const words = spec?.value.print?.(values, dialect, names) ?? values
      const quote = spec?.value.quote
      const quoted =
        quote === undefined ? words : words.map(quote === 'always' ? quoteAlways : quoteText)
      return `${negated ? '! ' : ''}--${name}${quoted.map((w) => ` ${w}`).join('')}`
    })
}

/** Before 1.8.11 a negated full range is not saved at all: facts, "always match by <= 1.8.10". */
function isLostOnSave(
  extension: Extension,
  { name, negated, values }: Option,
  dialect: Dialect,
): boolean {
  const any = extension.options[name]?.any
  return (
    negated &&
    any !== undefined &&
    any === values.join(' ') &&
    !atLeast(dialect.version, [1, 8, 11])
  )
}

import { optionOrder } from '../extensions/catalogue.ts'
import {
  type Extension,
  isRefusal,
  type Refusal,
  refuse,
  type ValueContext,
} from '../extensions/extension.ts'
import type { Option } from '../ruleset/model.ts'

/**
 * Brings the options of one match or target into the normal form: presets added, defaults and full
 * ranges left out, in the order in which a save prints them. Refuses what can not stand together.
 */
export function finishOptions(
  extension: Extension,
  given: readonly Option[],
  context: ValueContext,
): readonly Option[] | Refusal {
  const refusal = checkTogether(extension, given)
  if (refusal !== undefined) return refusal
  const options = [...given]
  for (const [name, spec] of Object.entries(extension.options)) {
    if (spec.preset === undefined || given.some((o) => o.name === name)) continue
    const value = typeof spec.preset === 'string' ? spec.preset : spec.preset(context)
    options.push({ name, negated: false, values: [value] })
  }
  const kept = options.filter((o) => !isImplied(extension, o))
  if (kept.length > 1) {
    kept.sort((a, b) => optionOrder(extension, a.name) - optionOrder(extension, b.name))
  }
  const normal = extension.normalise?.(kept, context, given) ?? kept
  return isRefusal(normal) ? normal : normal
}

/** Says the same as leaving it out. */
function isImplied(extension: Extension, option: Option): boolean {
  const spec = extension.options[option.name]
  if (option.negated || spec === undefined) return false
  const value = option.values.join(' ')
  return (
    (spec.omit !== undefined && spec.omit === value) ||
    (spec.any !== undefined && spec.any === value)
  )
}

function checkTogether(extension: Extension, given: readonly Option[]): Refusal | undefined {
  const names = new Set(given.map((o) => o.name))
  const groups = new Map<string, string>()
  for (const [name, spec] of Object.entries(extension.options)) {
    if (spec.required && !names.has(name)) {
      return refuse('missing-option', `${extension.name} needs --${name}`)
    }
    if (!names.has(name)) continue
    for (const need of spec.needs ?? []) {
      if (!names.has(need)) return refuse('missing-option', `--${name} also needs --${need}`)
    }
    const other = spec.group === undefined ? undefined : groups.get(spec.group)
    if (other !== undefined) {
      return refuse('conflicting-options', `--${name} and --${other} exclude each other`)
    }
    if (spec.group !== undefined) groups.set(spec.group, name)
  }
  if (extension.needsOption && names.size === 0) {
    const options = Object.keys(extension.options).map((n) => `--${n}`)
    return refuse('missing-option', `${extension.name} needs one of ${options.join(', ')}`)
  }
  return undefined
}

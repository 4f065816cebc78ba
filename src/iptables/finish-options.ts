import { optionTraits } from '../extensions/catalogue.ts'
import { type Extension, type Refusal, refuse, type ValueContext } from '../extensions/extension.ts'
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
  const { always, order } = optionTraits(extension)
  const refusal = checkTogether(extension, given)
  if (refusal !== undefined) return refusal
  const kept = given.filter((option) => !isImplied(extension, option))
  for (const [name, preset] of always) {
    if (given.some((option) => option.name === name)) continue
    const value = typeof preset === 'string' ? preset : preset(context)
    kept.push({ name, negated: false, values: [value] })
  }
  if (kept.length > 1) kept.sort((a, b) => (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0))
  return extension.normalise?.(kept, context, given) ?? kept
}

/** Says the same as leaving it out. */
function isImplied(extension: Extension, option: Option): boolean {
  const spec = extension.options[option.name]
  if (option.negated || spec === undefined) return false
  if (spec.omit === undefined && spec.any === undefined) return false
  const value = option.values.join(' ')
  return spec.omit === value || spec.any === value
}

function checkTogether(extension: Extension, given: readonly Option[]): Refusal | undefined {
  const has = (name: string): boolean => given.some((option) => option.name === name)
  const missing = optionTraits(extension).required.find((name) => !has(name))
  if (missing !== undefined) {
    return refuse('missing-option', `${extension.name} needs --${missing}`)
  }
  for (const { name } of given) {
    const spec = extension.options[name]
    const need = spec?.needs?.find((n) => !has(n))
    if (need !== undefined) return refuse('missing-option', `--${name} also needs --${need}`)
    const group = spec?.group
    if (group === undefined || given.length === 1) continue
    const other = given.find((o) => o.name !== name && extension.options[o.name]?.group === group)
    if (other !== undefined) {
      return refuse('conflicting-options', `--${other.name} and --${name} exclude each other`)
    }
  }
  if (extension.needsOption && given.length === 0) {
    const options = Object.keys(extension.options).map((n) => `--${n}`)
    return refuse('missing-option', `${extension.name} needs one of ${options.join(', ')}`)
  }
  return undefined
}

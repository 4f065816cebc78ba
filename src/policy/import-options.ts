/** Options of a live match or target, as a person would write them in a policy. */
import { type Extension, isRefusal, type OptionSpec } from '../extensions/extension.ts'
import type { Names } from '../extensions/names.ts'
import type { Dialect, Option } from '../ruleset/model.ts'
import type { Entry, Value } from './value.ts'
import { list, scalar, textValue } from './written.ts'

export interface ImportContext {
  readonly dialect: Dialect
  readonly names: Names
}

/** One entry for each option; the shorter spelling where there is one that means the same. */
export function optionEntries(
  extension: Extension,
  options: readonly Option[],
  context: ImportContext,
): Entry[] {
  return options.map((option) => {
    const spelled = respell(extension, option, context) ?? option
    const spec = extension.options[spelled.name]
    return entry(spelled.name, optionValue(spelled, spec, context))
  })
}

export function entry(key: string, value: Value): Entry {
  return { key, keyAt: value.at, value }
}

/** `syn` for its flags, `set-mark: 0x1` for `0x1/0xffffffff`: what would be stored as this. */
function respell(extension: Extension, option: Option, context: ImportContext): Option | undefined {
  const stored = JSON.stringify(option)
  const [first = ''] = option.values
  for (const [name, { rewrite, value }] of Object.entries(extension.options)) {
    if (rewrite === undefined || value.words > 1) continue
    const typed = value.words === 0 ? [] : [first.split('/')[0] ?? '']
    const { dialect, names } = context
    const { family } = dialect
    const reading = { family, dialect, names, protocol: undefined, caution: () => {} }
    const parsed = value.parse(typed, reading)
    if (isRefusal(parsed)) continue
    const negated = [false, true].find((n) => JSON.stringify(rewrite(parsed, n)) === stored)
    if (negated !== undefined) return { name, negated, values: typed }
  }
  return undefined
}

function optionValue(option: Option, spec: OptionSpec | undefined, context: ImportContext): Value {
  const { negated, values } = option
  if (values.length === 0) return scalar(negated ? '!' : true)
  const saved = spec?.value.print?.(values, context.dialect, context.names) ?? values
  // Some types escape what they print; in a policy YAML does that.
  const printed = saved.some((word) => /["\\]/.test(word)) ? values : saved
  const isText = spec?.value.quote !== undefined
  if (negated) return textValue(`! ${printed.join(' ')}`)
  const [only = ''] = printed
  if (printed.length > 1 || isText) return textValue(printed.join(' '))
  return only.includes(',') && takesList(spec)
    ? list(only.split(',').map(scalarOf))
    : scalarOf(only)
}

function takesList(spec: OptionSpec | undefined): boolean {
  const variants = spec?.value.schema.anyOf
  return Array.isArray(variants) && variants.some((v) => (v as { type?: unknown }).type === 'array')
}

/** Numbers, decimal or hexadecimal, need no quotes. */
export function scalarOf(text: string): Value {
  return /^(0|[1-9][0-9]{0,14}|0x[0-9a-f]{1,8})$/.test(text)
    ? { ...scalar(Number(text)), text }
    : scalar(text)
}

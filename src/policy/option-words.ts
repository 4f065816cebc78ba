/** Options of a match or target in a policy, as the words that iptables takes. */
import type { Position } from '../base/diagnostic.ts'
import { type NamedOption, optionNames, optionOrder } from '../extensions/catalogue.ts'
import type { Extension } from '../extensions/extension.ts'
import type { Findings } from './findings.ts'
import { didYouMean } from './nearest.ts'
import { describeKind, type Entry, entriesOf, type Value } from './value.ts'

/** A word of a rule and the place in the policy that it stands for. */
export interface Word {
  readonly text: string
  readonly at: Position
}

/**
 * The words of all options under an extension's name. The order of a mapping means nothing, that of
 * words may (owner's --suppl-groups wants --gid-owner before it), so they come as a save has them.
 */
export function extensionWords(extension: Extension, options: Value, findings: Findings): Word[] {
  const names = optionNames(extension)
  const place = ({ key }: Entry): number => optionOrder(extension, names.get(key)?.name ?? key)
  const entries = [...entriesOf(options)].sort((a, b) => place(a) - place(b))
  return entries.flatMap((entry) => {
    const option = names.get(entry.key)
    if (option !== undefined) return optionWords(option, entry, findings)
    const known = [...names.keys()]
    const hint = didYouMean(entry.key, known) ?? `it has: ${known.join(', ') || 'no options'}`
    findings.error(
      'unknown-option',
      entry.keyAt,
      `${extension.name} has no option "${entry.key}"`,
      hint,
    )
    return []
  })
}

export function optionWords({ spec }: NamedOption, entry: Entry, findings: Findings): Word[] {
  const { key, keyAt, value } = entry
  const name: Word = { text: `--${key}`, at: keyAt }
  const not: Word[] = [{ text: '!', at: value.at }]
  const valueless = spec.optional && value.kind === 'scalar' && value.value === true
  if (spec.value.words === 0 || valueless)
    return flagWords(entry, spec.negatable ?? false, findings)
  if (value.kind === 'list' && spec.repeatable) {
    return value.items.flatMap((item) =>
      optionWords({ name: key, spec }, { ...entry, value: item }, findings),
    )
  }
  const texts = valueTexts(key, value, findings)
  if (texts === undefined) return []
  const [first = ''] = texts
  // A free text may itself begin with "!", so only "! " negates it, and only where it can be.
  const pattern = spec.value.quote === undefined ? /^!\s*/ : /^! /
  const negated = spec.negatable && pattern.test(first)
  const bare = negated ? [first.replace(pattern, ''), ...texts.slice(1)] : texts
  const isPair = spec.value.words === 2
  const words = isPair
    ? bare.length === 2
      ? bare
      : bare.flatMap((t) => t.split(/\s+/))
    : [bare.join(',')]
  if (isPair && words.length !== 2) {
    const hint = `for example "${spec.value.examples[0]}"`
    findings.error(
      'invalid-value',
      value.at,
      `${key} takes two words: ${spec.value.description}`,
      hint,
    )
    return []
  }
  return [...(negated ? not : []), name, ...words.map((text) => ({ text, at: value.at }))]
}

function flagWords({ key, keyAt, value }: Entry, negatable: boolean, findings: Findings): Word[] {
  if (value.kind === 'scalar') {
    if (value.value === true) return [{ text: `--${key}`, at: keyAt }]
    if (value.value === '!' && negatable) {
      return [
        { text: '!', at: value.at },
        { text: `--${key}`, at: keyAt },
      ]
    }
    if (value.value === '!') {
      findings.error('not-negatable', value.at, `${key} can not be negated`)
      return []
    }
  }
  const isFalse = value.kind === 'scalar' && value.value === false
  const negation = negatable ? ', or write "!" for its opposite' : ''
  const hint = isFalse ? `leave it out${negation}` : undefined
  findings.error('wrong-type', value.at, `${key} takes no value: it can only be true`, hint)
  return []
}

/** The texts of a value; undefined, and reported, for what has none. */
function valueTexts(key: string, value: Value, findings: Findings): string[] | undefined {
  const items = value.kind === 'list' ? value.items : [value]
  const texts = items.map((item) => {
    if (item.kind !== 'scalar' || item.value === null || typeof item.value === 'boolean') {
      findings.error('wrong-type', item.at, `${key} can not be ${describeKind(item)}`)
      return undefined
    }
    if (typeof item.value === 'number' && /^[-+]?0[0-9]/.test(item.text)) {
      const hint = 'write it without leading zeros, or in quotes'
      findings.error(
        'invalid-value',
        item.at,
        `${item.text} is octal for iptables, decimal for YAML`,
        hint,
      )
      return undefined
    }
    return item.text
  })
  if (texts.length === 0) findings.error('invalid-value', value.at, `${key} must not be empty`)
  return texts.length === 0 || texts.includes(undefined) ? undefined : (texts as string[])
}

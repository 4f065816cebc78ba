/** The ways in which a caller may write a rule, and what they come down to: words. */
import type { Names } from '../../extensions/names.ts'
import { parseRule } from '../../iptables/parse-rule.ts'
import { printRule } from '../../iptables/print-rule.ts'
import { ruleKey } from '../../iptables/rule-key.ts'
import { quoteWord, tokenise } from '../../iptables/tokenise.ts'
import type { Dialect, Rule, RuleSpec } from '../../ruleset/model.ts'
import { callFailure } from './failure.ts'
import { type RuleMapping, rulesOfMapping } from './rule-mapping.ts'

/**
 * A rule: its words; a text in iptables syntax, where only `"` quotes; a rule of the model, such as
 * one of `IPTables.rules`; or a mapping, as in a policy. A line that `list` returned is one too: the
 * `-A CHAIN` in front is ignored.
 */
export type Rulespec = readonly string[] | string | Rule | RuleSpec | RuleMapping

export interface RuleReading {
  readonly dialect: Dialect
  readonly names: Names
}

/** The words of each rule: a mapping with lists makes several. Throws `invalid-rule`. */
export function ruleWords(rule: Rulespec, reading: RuleReading): readonly (readonly string[])[] {
  if (typeof rule === 'string') return [checkWords(textWords(rule))]
  if (isWords(rule)) return [checkWords(withoutCommand(rule))]
  if ('spec' in rule && 'text' in rule) return [checkWords(tokenise((rule as Rule).text).words)]
  if (Array.isArray((rule as Partial<RuleSpec>).matches)) {
    return [tokenise(printRule(rule as RuleSpec, reading.dialect, reading.names)).words]
  }
  const rules = rulesOfMapping(rule as RuleMapping, reading)
  return rules.map(({ text }) => tokenise(text).words)
}

/** What the words mean, for finding the rule again. */
export interface RuleMeaning {
  /** One for each rule that address lists make; empty when fwctl can not read the words. */
  readonly keys: readonly string[]
  /**
   * The keys say it all: there is no such rule if they are not found. Otherwise only iptables itself
   * can tell (a host name, an extension that fwctl does not know, a text that gets cut).
   */
  readonly certain: boolean
  /** The words without `-c PACKETS BYTES`, which `-C` and `-D` refuse. */
  readonly words: readonly string[]
}

export function ruleMeaning(words: readonly string[], reading: RuleReading): RuleMeaning {
  const { specs, counters, problems, cautions } = parseRule(words, reading)
  const opaque = specs.some((spec) => spec.matches.some((m) => m.opaque) || spec.target?.opaque)
  return {
    keys: specs.map((spec) => ruleKey(spec, reading.dialect.family)),
    certain: specs.length > 0 && problems.length === 0 && cautions.length === 0 && !opaque,
    words: counters === undefined ? words : withoutCounters(words),
  }
}

/** The words as a line of restore input has them. Throws for what no such line can hold. */
export function ruleLine(words: readonly string[]): string {
  // A newline would begin another command.
  const bad = words.find((word) => /[\n\r\0]/.test(word))
  if (bad !== undefined) {
    throw callFailure('invalid-rule', `${JSON.stringify(bad)} can not be written in a batch`, {
      words,
    })
  }
  return words.map(quoteWord).join(' ')
}

function isWords(rule: Rulespec): rule is readonly string[] {
  return Array.isArray(rule)
}

function textWords(text: string): readonly string[] {
  const { words, unterminated } = tokenise(text.replace(/^\[\d+:\d+\] /, ''))
  if (unterminated) {
    throw callFailure('invalid-rule', `A double quote is not closed in ${JSON.stringify(text)}`)
  }
  return withoutCommand(words)
}

function withoutCommand(words: readonly string[]): readonly string[] {
  return words[0] === '-A' || words[0] === '--append' ? words.slice(2) : words
}

/**
 * iptables would take a number in front for a position (`-D CHAIN 3`), and `-t` for another table.
 */
function checkWords(words: readonly string[]): readonly string[] {
  const [first = '-'] = words
  if (!/^[-!]/.test(first)) {
    throw callFailure('invalid-rule', `A rule can not begin with ${JSON.stringify(first)}`, {
      words,
    })
  }
  if (/^-([PNt]|-table|-policy|-new-chain)/.test(first)) {
    throw callFailure('invalid-rule', `${JSON.stringify(first)} is not part of a rule`, { words })
  }
  return words
}

function withoutCounters(words: readonly string[]): readonly string[] {
  const at = words.findLastIndex(
    (word, i) =>
      (word === '-c' || word === '--set-counters') && /^\d+(,\d+)?$/.test(words[i + 1] ?? ''),
  )
  if (at < 0) return words
  const length = words[at + 1]?.includes(',') ? 2 : 3
  return words.toSpliced(at, length)
}

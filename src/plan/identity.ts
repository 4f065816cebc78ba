import type { Rule } from '../ruleset/model.ts'

/**
 * For each rule of two lists a word that is equal where the rules are. Rules are equal when their
 * keys are; but a rule of a dump is only read when its key is asked for, and reading 10,000 of them
 * takes longer than everything else. A text that stands as often in both lists needs no reading: it
 * is equal to itself. (Where one list has the same rule in two spellings, one of them in both lists,
 * the two are then taken for different rules, and at worst one is moved once.)
 */
export function identities(
  a: readonly Rule[],
  b: readonly Rule[],
): readonly [readonly string[], readonly string[]] {
  const balance = new Map<string, number>()
  for (const { text } of a) balance.set(text, (balance.get(text) ?? 0) + 1)
  for (const { text } of b) balance.set(text, (balance.get(text) ?? 0) - 1)
  const identity = (rule: Rule): string =>
    balance.get(rule.text) === 0 ? `text ${rule.text}` : `key ${rule.key}`
  return [a.map(identity), b.map(identity)]
}

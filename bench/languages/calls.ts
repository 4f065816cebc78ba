/** The rulesets as calls, rule by rule, of a library: for bench/peers/go-iptables and bench/client.mjs. */
import type { BenchRuleset } from '../rulesets/ruleset.ts'
import { ruleWords } from './iptables.ts'

/** A line for each rule: its chain and its words, with tabs between them. */
export function callLines({ chains }: BenchRuleset): string {
  return chains
    .flatMap(({ name, rules }) => rules.map((rule) => `${[name, ...ruleWords(rule)].join('\t')}\n`))
    .join('')
}

/**
 * Live rules that do not mean what they say: they match nothing and are saved as if they matched
 * all, or another version would load them as something else. A dump that holds one is no way back.
 */
import { BUILTIN_NAMES } from '../extensions/builtin-names.ts'
import type { Refusal } from '../extensions/extension.ts'
import type { Names } from '../extensions/names.ts'
import type { Dialect, Rule, Ruleset, TableName } from '../ruleset/model.ts'
import { parseRule } from './parse-rule.ts'
import { tokenise } from './tokenise.ts'

export interface UnfaithfulRule {
  readonly table: TableName
  readonly chain: string
  /** Counts from 1. */
  readonly position: number
  readonly rule: Rule
  readonly reason: Refusal
}

/** What loading the rule's text again would change; undefined when it comes back as it is. */
export function whyUnfaithful(
  rule: Rule,
  { dialect, names = BUILTIN_NAMES }: { readonly dialect: Dialect; readonly names?: Names },
): Refusal | undefined {
  return parseRule(tokenise(rule.text).words, { dialect, names }).cautions[0]
}

export function isNegated(text: string): boolean {
  return text.includes('! ')
}

/**
 * Looks at negated rules only, unless `all` is set: reading every rule costs as much as all else
 * that a plan does, and what iptables stores as a match for all was written with a `!`. Rules whose
 * text is in `known` are not looked at either: it is known of them that they are faithful.
 */
export function unfaithfulRules(
  ruleset: Ruleset,
  options: {
    readonly dialect: Dialect
    readonly names?: Names
    readonly all?: boolean
    readonly known?: () => ReadonlySet<string>
  },
): readonly UnfaithfulRule[] {
  const { all = false, known } = options
  const found: UnfaithfulRule[] = []
  for (const { name: table, chains } of ruleset.tables) {
    for (const { name: chain, rules } of chains) {
      for (let i = 0; i < rules.length; i++) {
        const rule = rules[i] as Rule
        if (!all && !isNegated(rule.text)) continue
        if (known?.().has(rule.text)) continue
        const reason = whyUnfaithful(rule, options)
        if (reason) found.push({ table, chain, position: i + 1, rule, reason })
      }
    }
  }
  return found
}

import type { Counters, Origin, Rule, RuleSpec } from './model.ts'

/** The same rule with something else beside its meaning, which is not read for it (no spread does that). */
export function ruleWith(
  rule: Rule,
  parts: { readonly counters?: Counters; readonly origin?: Origin; readonly text?: string },
): Rule {
  const { counters = rule.counters, origin = rule.origin, text = rule.text } = parts
  return {
    get spec(): RuleSpec {
      return rule.spec
    },
    get key(): string {
      return rule.key
    },
    text,
    ...(counters && { counters }),
    ...(origin && { origin }),
  }
}

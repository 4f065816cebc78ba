import type { Rule, RuleSpec } from './model.ts'

/** What a rule means, for what does not depend on its addresses, ports and comments. */
export function outlineOf(rule: Rule): RuleSpec {
  return rule.outline ?? rule.spec
}

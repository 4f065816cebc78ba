import { BUILTIN_NAMES } from '../extensions/builtin-names.ts'
import type { Names } from '../extensions/names.ts'
import type { Counters, Dialect, Origin, Rule, RuleSpec } from '../ruleset/model.ts'
import { printRule } from './print-rule.ts'
import { ruleKey } from './rule-key.ts'

export interface RuleOptions {
  readonly dialect: Dialect
  readonly names?: Names
  readonly counters?: Counters
  readonly origin?: Origin
  /** The text as it was saved; printed from the spec when it is absent. */
  readonly text?: string
}

/** A rule with its text and its canonical key. */
export function makeRule(spec: RuleSpec, options: RuleOptions): Rule {
  const { dialect, names = BUILTIN_NAMES, counters, origin } = options
  return {
    spec,
    text: options.text ?? printRule(spec, dialect, names),
    key: ruleKey(spec, dialect.family),
    ...(counters && { counters }),
    ...(origin && { origin }),
  }
}

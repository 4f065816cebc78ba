import type { Backend } from '../../src/ruleset/model.ts'
import type { RulesetKind } from '../rulesets/kinds.ts'

/** Where a case is measured. */
export interface Place {
  readonly backend: Backend
  readonly rules: number
  /** Mixed rules in chains of 50, if it does not say. */
  readonly kind?: RulesetKind
}

export function placeId(name: string, { backend, rules, kind = 'mixed' }: Place): string {
  return [name, backend, ...(kind === 'mixed' ? [] : [kind]), rules].join('/')
}

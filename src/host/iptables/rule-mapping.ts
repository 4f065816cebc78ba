/** A rule as a policy writes it, given by a program. */
import type { Names } from '../../extensions/names.ts'
import { startFindings } from '../../policy/findings.ts'
import { compileMapping } from '../../policy/mapping-rule.ts'
import type { Value } from '../../policy/value.ts'
import { list, map, scalar } from '../../policy/written.ts'
import type { Dialect, Rule } from '../../ruleset/model.ts'
import { callFailure } from './failure.ts'

/** `{ protocol: 'tcp', dport: 22, match: { limit: { limit: '10/minute' } }, jump: 'ACCEPT' }` */
export interface RuleMapping {
  readonly [key: string]: MappingValue
}

export type MappingValue =
  | string
  | number
  | boolean
  | null
  | readonly MappingValue[]
  | { readonly [key: string]: MappingValue }

/** Throws FwctlError with the reason `invalid-rule`, and the findings in `details.diagnostics`. */
export function rulesOfMapping(
  mapping: RuleMapping,
  { dialect, names }: { readonly dialect: Dialect; readonly names: Names },
): readonly Rule[] {
  const { family } = dialect
  const findings = startFindings()
  const value = toValue(mapping)
  const compiled =
    value.kind === 'map'
      ? compileMapping(value, {
          findings,
          names,
          dialects: { [family]: dialect },
          families: [family],
          groups: { addresses: new Map(), ports: new Map(), interfaces: new Map() },
          targetAt: new WeakMap(),
        })
      : {}
  const rules = compiled[family] ?? []
  const diagnostics = findings.list()
  const error = diagnostics.find(({ severity }) => severity === 'error')
  if (error === undefined && rules.length > 0) return rules
  throw callFailure(
    'invalid-rule',
    `${JSON.stringify(mapping)} is no rule: ${error?.message ?? `it makes none for ${family}`}`,
    { diagnostics },
  )
}

function toValue(value: MappingValue): Value {
  if (value === null || typeof value !== 'object') return scalar(value)
  if (isList(value)) return list(value.map(toValue))
  const { keyAt } = PLACE
  return map(Object.entries(value).map(([key, v]) => ({ key, keyAt, value: toValue(v) })))
}

function isList(value: MappingValue): value is readonly MappingValue[] {
  return Array.isArray(value)
}

const PLACE = { keyAt: { file: 'rule', line: 1, column: 1 } }

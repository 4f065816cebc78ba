import type { Change } from '../plan/change.ts'
import { summarise } from '../plan/change.ts'
import { commentOf } from '../plan/foreign.ts'
import type { Plan } from '../plan/plan.ts'
import type { Counters, Family, Origin, Rule } from '../ruleset/model.ts'
import { diagnosticJson } from './diagnostics.ts'

/**
 * A plan for programs, as schemas/plan.schema.json says it. `changes` is empty when there is nothing
 * to do. Counters are numbers: beyond 2^53 they are the nearest one.
 */
export function planJson(plan: Plan): string {
  const { summary } = plan
  const value = {
    formatVersion: plan.formatVersion,
    ...(plan.policyDigest === undefined ? {} : { policyDigest: plan.policyDigest }),
    summary: counts(summary),
    families: plan.families.map(({ family, dialect, base, result, unmanaged, changes }) => ({
      family,
      backend: dialect.backend,
      version: dialect.version.join('.'),
      base,
      result,
      summary: counts(summarise(changes)),
      unmanaged,
    })),
    changes: plan.families.flatMap(({ family, changes }) =>
      changes.map((change) => changeJson(family, change)),
    ),
    diagnostics: plan.diagnostics.map(diagnosticJson),
  }
  return `${JSON.stringify(value, null, 2)}\n`
}

function counts(summary: Plan['summary']): Record<string, number> {
  return {
    add: summary['rule-add'],
    change: summary['rule-change'],
    remove: summary['rule-remove'],
    move: summary['rule-move'],
    chainsToAdd: summary['chain-add'],
    chainsToRemove: summary['chain-remove'],
    policies: summary['policy-change'],
  }
}

function changeJson(family: Family, change: Change): Record<string, unknown> {
  const at = { kind: change.kind, family, table: change.table, chain: change.chain }
  switch (change.kind) {
    case 'chain-add':
      return { ...at, ...originJson(change.after) }
    case 'chain-remove':
      return at
    case 'policy-change': {
      const { before, after } = change
      return {
        ...at,
        before: before.policy,
        after: after.policy,
        ...countersJson(before),
        ...originJson(after),
      }
    }
    case 'rule-add': {
      const { after, targetPosition } = change
      return { ...at, targetPosition, after: after.text, ...nameJson(after), ...originJson(after) }
    }
    case 'rule-remove': {
      const { before, livePosition } = change
      return {
        ...at,
        livePosition,
        before: before.text,
        ...countersJson(before),
        ...nameJson(before),
      }
    }
    case 'rule-change':
    case 'rule-move': {
      const { before, after, livePosition, targetPosition } = change
      return {
        ...at,
        livePosition,
        targetPosition,
        before: before.text,
        after: after.text,
        ...countersJson(before),
        ...nameJson(after),
        ...originJson(after),
      }
    }
  }
}

function countersJson(from: { readonly counters?: Counters }): Record<string, unknown> {
  if (from.counters === undefined) return {}
  const { packets, bytes } = from.counters
  return { counters: { packets: Number(packets), bytes: Number(bytes) } }
}

function nameJson(rule: Rule): Record<string, unknown> {
  const name = rule.origin?.name ?? commentOf(rule)
  return name === undefined ? {} : { name }
}

function originJson(from: { readonly origin?: Origin }): Record<string, unknown> {
  if (from.origin === undefined) return {}
  const { file, line, column, owner, ticket, expires } = from.origin
  const said = Object.entries({ owner, ticket, expires }).filter(([, text]) => text !== undefined)
  return { origin: { file, line, column, ...Object.fromEntries(said) } }
}

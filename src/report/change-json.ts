import type { Change } from '../plan/change.ts'
import { commentOf } from '../plan/foreign.ts'
import type { Counters, Family, Origin, Rule } from '../ruleset/model.ts'

/** One change, as a plan and a drift show it. */
export function changeJson(family: Family, change: Change): Record<string, unknown> {
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

export function countersJson(from: { readonly counters?: Counters }): Record<string, unknown> {
  if (from.counters === undefined) return {}
  const { packets, bytes } = from.counters
  return { counters: { packets: Number(packets), bytes: Number(bytes) } }
}

export function nameJson(rule: Rule): Record<string, unknown> {
  const name = rule.origin?.name ?? commentOf(rule)
  return name === undefined ? {} : { name }
}

function originJson(from: { readonly origin?: Origin | undefined }): Record<string, unknown> {
  if (from.origin === undefined) return {}
  const { file, line, column, owner, ticket, expires } = from.origin
  const said = Object.entries({ owner, ticket, expires }).filter(([, text]) => text !== undefined)
  return { origin: { file, line, column, ...Object.fromEntries(said) } }
}

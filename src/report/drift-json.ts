import type { Change } from '../plan/change.ts'
import type { Drift, DriftItem, Standing } from '../plan/drift.ts'
import type { Family, Rule } from '../ruleset/model.ts'
import { changeJson, countersJson, nameJson } from './change-json.ts'
import { setDriftJson } from './set-drift.ts'

/** A drift for programs, as schemas/drift.schema.json says it. `changes` is empty when there is none. */
export function driftJson(drift: Drift): string {
  return `${JSON.stringify({ formatVersion: '1.0', ...driftValue(drift) }, null, 2)}\n`
}

/** Also a part of a plan's JSON. */
export function driftValue(drift: Drift): Record<string, unknown> {
  const { since, by, families, sets } = drift
  const items = families.flatMap((family) => family.items)
  const count = (standing: Standing): number =>
    items.filter((item) => item.standing === standing).length
  return {
    baseline: since === undefined ? 'policy' : 'applied',
    ...(since === undefined ? {} : { since }),
    ...(by === undefined ? {} : { by }),
    summary: {
      changes: items.length,
      reverted: count('reverted'),
      adopted: count('adopted'),
      released: count('released'),
      conflicts: count('conflict'),
    },
    families: families.map(({ family }) => family),
    ...(sets === undefined ? {} : { sets: sets.map(setDriftJson) }),
    changes: families.flatMap((one) => one.items.map((item) => itemJson(one.family, item))),
    policyChanges: families.flatMap((one) =>
      one.policyChanges.map((change) => changeJson(one.family, change)),
    ),
  }
}

function itemJson(
  family: Family,
  { change, standing, policy }: DriftItem,
): Record<string, unknown> {
  return {
    ...hostChange(family, change),
    ...(standing === undefined ? {} : { standing }),
    ...(policy === undefined ? {} : { policy: changeJson(family, policy) }),
  }
}

/** What was applied is what was expected to be live. */
function hostChange(family: Family, change: Change): Record<string, unknown> {
  const at = { kind: change.kind, family, table: change.table, chain: change.chain }
  switch (change.kind) {
    case 'chain-add':
    case 'chain-remove':
      return at
    case 'policy-change':
      return { ...at, expected: change.before.policy, live: change.after.policy }
    case 'rule-add':
      return {
        ...at,
        livePosition: change.targetPosition,
        live: change.after.text,
        ...seen(change.after),
      }
    case 'rule-remove':
      return {
        ...at,
        expectedPosition: change.livePosition,
        expected: change.before.text,
        ...nameJson(change.before),
      }
    case 'rule-change':
    case 'rule-move':
      return {
        ...at,
        expectedPosition: change.livePosition,
        livePosition: change.targetPosition,
        expected: change.before.text,
        live: change.after.text,
        ...seen(change.after),
      }
  }
}

function seen(rule: Rule): Record<string, unknown> {
  return { ...countersJson(rule), ...nameJson(rule) }
}

import { summarise } from '../plan/change.ts'
import type { Plan } from '../plan/plan.ts'
import { changeJson } from './change-json.ts'
import { diagnosticJson } from './diagnostics.ts'
import { driftValue } from './drift-json.ts'
import { setChangeJson } from './set-json.ts'

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
    ...(plan.sets === undefined ? {} : { sets: setCounts(summary) }),
    changes: [
      ...(plan.sets?.changes ?? []).map(setChangeJson),
      ...plan.families.flatMap(({ family, changes }) =>
        changes.map((change) => changeJson(family, change)),
      ),
    ],
    ...(plan.drift === undefined ? {} : { drift: driftValue(plan.drift) }),
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

function setCounts(summary: Plan['summary']): Record<string, number> {
  return {
    add: summary['set-add'],
    change: summary['set-change'],
    recreate: summary['set-recreate'],
    remove: summary['set-remove'],
  }
}

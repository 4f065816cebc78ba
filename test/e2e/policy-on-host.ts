import { readApplied } from '../../src/host/applied.ts'
import { type ApplyOutcome, type ApplyRequest, applyPlan } from '../../src/host/apply.ts'
import { targetNames } from '../../src/host/apply-sets.ts'
import { detectBackend } from '../../src/host/backend.ts'
import type { Executor } from '../../src/host/executor.ts'
import { readLive } from '../../src/host/live.ts'
import { readSets } from '../../src/host/sets.ts'
import type { StateDir } from '../../src/host/state-dir.ts'
import { planFromPolicy } from '../../src/plan/from-policy.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import type { LoadedPolicy } from '../../src/policy/load.ts'
import type { Backend } from '../../src/ruleset/model.ts'

/** Plans a policy on a host and applies it, as the command line does, but with any executor. */
export async function applyPolicy(
  loaded: LoadedPolicy,
  where: { readonly executor: Executor; readonly stateDir: StateDir; readonly backend: Backend },
  options: Partial<ApplyRequest> = {},
): Promise<ApplyOutcome> {
  const { executor, stateDir } = where
  const backend = await detectBackend(executor, where.backend)
  const live = await readLive(executor, backend, { families: ['ipv4', 'ipv6'] })
  const { policy } = loaded
  if (policy === undefined) throw new Error('no policy')
  const dialects = Object.fromEntries(Object.values(live).map((one) => [one.family, one.dialect]))
  const { sets: goals } = compilePolicy(policy, { dialects })
  const madeSets = (await readApplied(stateDir))?.sets?.made ?? []
  const names = [...targetNames({ goals, removals: madeSets })]
  const sets = names.length === 0 ? {} : { sets: await readSets(executor, names), madeSets }
  const { plan, diagnostics } = planFromPolicy(loaded, live, sets)
  if (plan === undefined) throw new Error(JSON.stringify(diagnostics))
  const request = { executor, backend, stateDir, plan, reason: 'test', rehearse: 'off' as const }
  return applyPlan({ ...request, ...options })
}

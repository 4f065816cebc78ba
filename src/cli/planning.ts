/** From the command line to a plan: what `plan` and `apply` share. */
import { FwctlError } from '../base/error.ts'
import { type Live, readLive } from '../host/live.ts'
import { planFromPolicy } from '../plan/from-policy.ts'
import type { Plan } from '../plan/plan.ts'
import { FAMILY_NAMES } from '../report/words.ts'
import type { Family } from '../ruleset/model.ts'
import type { Context } from './context.ts'
import { refuseErrors, type Sources } from './findings.ts'
import { type HostInput, isOffline, openHost, readDumps } from './host-input.ts'
import { assumedBackend, clock, compileInput, readPolicy, wantedFamilies } from './policy-input.ts'
import { planSetsInput } from './sets-input.ts'

export interface PlanInput {
  readonly plan: Plan
  readonly sources: Sources
  /** Absent when the live rules came from files. */
  readonly host?: HostInput
}

/** Throws `invalid-input` with everything that is wrong with the policy, before a host is asked. */
export async function planPolicy(context: Context, signal?: AbortSignal): Promise<PlanInput> {
  const input = await readPolicy(context)
  const wanted = wantedFamilies(input, context)
  const now = clock(context)
  // What is wrong on any host is said first, all at once.
  const trial = compileInput(input, { families: wanted, backend: assumedBackend(context), now })
  refuseErrors([...input.diagnostics, ...trial.diagnostics], input.sources)

  const host = isOffline(context) ? undefined : await openHost(context)
  const live = host
    ? await readLive(host.executor, host.backend, { families: wanted, names: host.names, signal })
    : await readDumps(wanted, context)
  noteMissingFamilies(wanted, live, context)
  const { plan, diagnostics } = planFromPolicy(input, live, {
    ...(host ? { names: host.names } : {}),
    ...(await planSetsInput({ trial, host, signal }, context)),
    now,
    diagnostics: Object.values(live).flatMap((one) => one.diagnostics),
  })
  refuseErrors(diagnostics, input.sources)
  if (plan === undefined) throw new Error('no plan, and no error that says why')
  return { plan, sources: input.sources, ...(host ? { host } : {}) }
}

function noteMissingFamilies(wanted: readonly Family[], live: Live, { note }: Context): void {
  const missing = wanted.filter((family) => live[family] === undefined)
  if (missing.length === wanted.length) {
    throw new FwctlError(
      'usage',
      `The policy is for ${wanted.join(' and ')}, and no live rules of that family were given.`,
    )
  }
  for (const family of missing) {
    const option = family === 'ipv4' ? '--live4' : '--live6'
    note(`${FAMILY_NAMES[family]} is not looked at: there is no ${option}.`)
  }
}

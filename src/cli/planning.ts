/** From the command line to a plan: what `plan` and `apply` share. */
import { FwctlError } from '../base/error.ts'
import type { AppliedRecord } from '../host/applied.ts'
import { type Live, readLive } from '../host/live.ts'
import { readBaseline } from '../plan/drift.ts'
import { planFromPolicy } from '../plan/from-policy.ts'
import type { Plan } from '../plan/plan.ts'
import { FAMILY_NAMES } from '../report/words.ts'
import type { Family, Ruleset } from '../ruleset/model.ts'
import type { Context } from './context.ts'
import { readRecord } from './drift-input.ts'
import { refuseErrors, type Sources } from './findings.ts'
import { type HostInput, isOffline, openHost, readDumps } from './host-input.ts'
import { assumedBackend, clock, compileInput, readPolicy, wantedFamilies } from './policy-input.ts'
import { planSetsInput } from './sets-input.ts'

export interface PlanInput {
  readonly plan: Plan
  readonly sources: Sources
  /** Absent when the live rules came from files. */
  readonly host?: HostInput
  /** The plan for other live rules, which others have made meanwhile. */
  readonly replan: (live: Live) => Promise<Plan>
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
  const planFor = async (found: Live): Promise<Plan> => {
    const { plan, diagnostics } = planFromPolicy(input, found, {
      ...(host ? { names: host.names } : {}),
      ...(await planSetsInput({ trial, host, signal }, context)),
      previous: await declaredBefore(found, context),
      now,
      diagnostics: Object.values(found).flatMap((one) => one.diagnostics),
    })
    refuseErrors(diagnostics, input.sources)
    if (plan === undefined) throw new Error('no plan, and no error that says why')
    return plan
  }
  const plan = await planFor(live)
  return { plan, sources: input.sources, ...(host ? { host } : {}), replan: planFor }
}

/** What the policy declared at the last apply; a record that can not be read is no reason to stop. */
async function declaredBefore(
  live: Live,
  context: Context,
): Promise<Partial<Record<Family, Ruleset>>> {
  try {
    const record = await readRecord(context)
    return record === undefined ? {} : declaredIn(record, live)
  } catch (error) {
    if (error instanceof FwctlError) return {}
    throw error
  }
}

function declaredIn(record: AppliedRecord, live: Live): Partial<Record<Family, Ruleset>> {
  const { ownership } = record
  return Object.fromEntries(
    Object.values(live).flatMap(({ ruleset: { family }, dialect }) => {
      const applied = record.families[family]
      if (applied?.desired === undefined) return []
      return [[family, readBaseline(applied, { ownership, dialect }).desired]]
    }),
  )
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

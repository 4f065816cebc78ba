/** From the command line to a plan: what `plan` and `apply` share. */
import type { Diagnostic } from '../base/diagnostic.ts'
import { FwctlError } from '../base/error.ts'
import { requireTools } from '../host/backend.ts'
import { type Live, readLive } from '../host/live.ts'
import { type FamilyGoal, makePlan, type Plan } from '../plan/plan.ts'
import { findTable } from '../plan/state.ts'
import { danglingJumps, type ExternalJump } from '../policy/references.ts'
import { FAMILY_NAMES } from '../report/words.ts'
import { type Dialect, FAMILIES, type Family } from '../ruleset/model.ts'
import type { Context } from './context.ts'
import { refuseErrors, type Sources } from './findings.ts'
import { type HostInput, isOffline, openHost, readDumps } from './host-input.ts'
import {
  assumedBackend,
  assumedDialects,
  compileInput,
  type PolicyInput,
  readPolicy,
  wantedFamilies,
} from './policy-input.ts'

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
  // What is wrong on any host is said first, all at once.
  const trial = compileInput(input, { dialects: assumedDialects(wanted, assumedBackend(context)) })
  refuseErrors([...input.diagnostics, ...trial.diagnostics], input.sources)

  const host = isOffline(context) ? undefined : await openHost(context)
  const live = host
    ? await readLive(host.executor, host.backend, { families: wanted, names: host.names, signal })
    : await readDumps(context)
  const families = wanted.filter((family) => live[family] !== undefined)
  noteMissingFamilies(wanted, families, context)

  const compiled = compileInput(input, {
    dialects: dialectsOf(families, live, host),
    ...(host ? { names: host.names } : {}),
  })
  const diagnostics: Diagnostic[] = [
    ...input.diagnostics,
    ...compiled.diagnostics,
    ...danglingJumps(compiled.externalJumps, (jump) => isLive(jump, live)),
  ]
  refuseErrors(diagnostics, input.sources)
  const plan = makePlan({
    families: families.flatMap((family): FamilyGoal[] => {
      const [found, desired] = [live[family], compiled.desired[family]]
      if (found === undefined || desired === undefined) return []
      return [{ dialect: found.dialect, live: found.ruleset, desired }]
    }),
    ...ownershipOf(input),
    policyDigest: input.digest,
    diagnostics: [...diagnostics, ...Object.values(live).flatMap((one) => one.diagnostics)],
  })
  return { plan, sources: input.sources, ...(host ? { host } : {}) }
}

function ownershipOf({ policy }: PolicyInput): Pick<Parameters<typeof makePlan>[0], 'ownership'> {
  return policy === undefined ? {} : { ownership: policy.ownership }
}

function noteMissingFamilies(
  wanted: readonly Family[],
  given: readonly Family[],
  { note }: Context,
): void {
  if (given.length === 0) {
    throw new FwctlError(
      'usage',
      `The policy is for ${wanted.join(' and ')}, and no live rules of that family were given.`,
    )
  }
  for (const family of wanted) {
    if (given.includes(family)) continue
    const option = family === 'ipv4' ? '--live4' : '--live6'
    note(`${FAMILY_NAMES[family]} is not looked at: there is no ${option}.`)
  }
}

/** The dialect that rules are written in is the host's own, so that the texts are what it saves. */
function dialectsOf(
  families: readonly Family[],
  live: Live,
  host: HostInput | undefined,
): Readonly<Partial<Record<Family, Dialect>>> {
  return Object.fromEntries(
    FAMILIES.filter((family) => families.includes(family)).map((family) => [
      family,
      host ? requireTools(host.backend, family).dialect : live[family]?.dialect,
    ]),
  )
}

function isLive({ family, table, target }: ExternalJump, live: Live): boolean {
  const ruleset = live[family]?.ruleset
  if (ruleset === undefined) return false
  return findTable(ruleset, table)?.chains.some((chain) => chain.name === target) ?? false
}

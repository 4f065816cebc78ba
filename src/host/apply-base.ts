/** What a plan is applied to: the live rules, read and found to be those that it was made from. */
import { FwctlError } from '../base/error.ts'
import type { Batch } from '../plan/batch.ts'
import type { Change } from '../plan/change.ts'
import type { PlanBase } from '../plan/saved.ts'
import { chainsIn, rebase, sameScope } from '../plan/scope.ts'
import { sameButForOthers } from '../plan/touched.ts'
import type { Ownership } from '../policy/policy.ts'
import type { Family, Ruleset } from '../ruleset/model.ts'
import type { ApplicableSets } from './apply-sets.ts'
import { type Edit, type Host, liveOf, planEdits } from './edit.ts'
import { type Live, readLive } from './live.ts'

/** What apply needs of a plan, fresh or saved. */
export interface ApplicablePlan {
  readonly policyDigest?: string
  readonly ownership: Ownership
  readonly families: readonly ApplicableFamily[]
  /** Absent: no sets are looked at. */
  readonly sets?: ApplicableSets
}

/** What it depends on is its scope; all else stays as it is found. */
export interface ApplicableFamily extends PlanBase {
  readonly target: Ruleset
  /** What the policy declares. */
  readonly desired?: Ruleset
  /** The way from `live` to `target`. */
  readonly changes?: readonly Change[]
  readonly batch?: Batch
}

interface Planned extends Host {
  readonly plan: ApplicablePlan
  readonly signal?: AbortSignal | undefined
}

/** The live rules of the plan's families, whatever they are. `known`: as they were a moment ago. */
export async function readPlanned({ plan, signal, ...host }: Planned, known?: Live): Promise<Live> {
  return readLive(host.executor, host.backend, {
    families: plan.families.map((one) => one.family),
    ...(host.names ? { names: host.names } : {}),
    ...(known ? { known } : {}),
    signal,
  })
}

/** Whether `found` is, as far as the plan goes, what `seen` was. */
export function isSameBase(plan: ApplicablePlan, seen: Live, found: Live): boolean {
  return plan.families.every(
    ({ family, scope }) =>
      seen[family] === found[family] ||
      sameScope(liveOf(seen, family), liveOf(found, family), scope),
  )
}

/** Like `isSameBase`, but other tools may have changed rules of their own. */
export function isSameButForOthers(plan: ApplicablePlan, seen: Live, found: Live): boolean {
  const { foreign } = plan.ownership
  return plan.families.every(({ family, scope }) => {
    const [one, other] = [liveOf(seen, family), liveOf(found, family)]
    return sameButForOthers(one, other, { touched: chainsIn(scope, [one, other]), foreign })
  })
}

export function stalePlan(host: Pick<Host, 'executor'>, families: readonly Family[]): FwctlError {
  return new FwctlError(
    'stale-plan',
    `The ${families.join(' and ')} rules on ${host.executor.label} are no longer those that the plan ` +
      'was made from. The host was not touched; make a new plan and look at it.',
    { details: { families } },
  )
}

/** The edits for what is live by now. */
export function editsFor(
  request: Host & { readonly plan: ApplicablePlan },
  live: Live,
  byValue: boolean,
): readonly Edit[] {
  const { families, ownership } = request.plan
  const targets = families.map((planned) => targetFor(planned, live))
  return planEdits(request, live, { targets, known: families, foreign: ownership.foreign, byValue })
}

/** Other tools may have changed chains of their own since the plan was made. */
export function targetFor(planned: ApplicableFamily, live: Live): Ruleset {
  const { family, target, scope } = planned
  const now = liveOf(live, family)
  return now === planned.live ? target : rebase({ live: now, target, scope })
}

import type { Diagnostic } from '../base/diagnostic.ts'
import { hasErrors } from '../base/diagnostic.ts'
import { FwctlError } from '../base/error.ts'
import { DEFAULT_OWNERSHIP, type Ownership } from '../policy/policy.ts'
import type { Dialect, Family, Ruleset } from '../ruleset/model.ts'
import { type Batch, buildBatch } from './batch.ts'
import { type Change, type Summary, summarise } from './change.ts'
import {
  type Claim,
  claim,
  type DeclaredChains,
  NOTHING_UNMANAGED,
  type Unmanaged,
} from './claim.ts'
import { diffRulesets } from './diff.ts'
import type { Drift } from './drift.ts'
import { isRemovalOfOthers } from './removals.ts'
import { type Scope, scopeDigest, scopeOf } from './scope.ts'
import { planSets, type SetsPlan, type SetsPlanInput } from './set-plan.ts'
import { rulesetDigest } from './state.ts'

/** The plan of one family. */
export interface FamilyPlan {
  readonly family: Family
  readonly dialect: Dialect
  /** The whole live state that the plan is made from. */
  readonly live: Ruleset
  /** What live must become: with everything that is not ours. */
  readonly target: Ruleset
  /** What the policy declares; absent when the plan is made from a whole state. */
  readonly desired?: Ruleset
  /** What the plan depends on. */
  readonly scope: Scope
  /** `scopeDigest` of live: the plan holds as long as it is the same. */
  readonly base: string
  /** `rulesetDigest` of the target. */
  readonly result: string
  readonly changes: readonly Change[]
  readonly batch: Batch
  readonly unmanaged: Unmanaged
}

/** Everything that apply will do, as a value. */
export interface Plan {
  readonly formatVersion: '1.0'
  /** Of the policy that it was made from; a way back to a snapshot has none. */
  readonly policyDigest?: string
  readonly ownership: Ownership
  readonly families: readonly FamilyPlan[]
  /** Absent when no sets are looked at. */
  readonly sets?: SetsPlan
  /** Of all families, and of the sets. */
  readonly summary: Summary
  /** What was changed on the host since fwctl last applied, where that is known. */
  readonly drift?: Drift
  /** What the operator should know before saying yes. */
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * Where a family should go: to what a policy declares, or to a whole state such as a snapshot.
 * `previous` is what was declared at the last apply: chains that are gone from it go.
 */
export type FamilyGoal = { readonly dialect: Dialect; readonly live: Ruleset } & (
  | { readonly desired: Ruleset; readonly previous?: DeclaredChains | undefined }
  | ({ readonly target: Ruleset; readonly desired?: never } & Partial<SavedGoal>)
)

/** What was known of a target when it was planned. */
interface SavedGoal {
  readonly scope: Scope
  readonly unmanaged: Unmanaged
  readonly declared: Ruleset
}

/**
 * Throws `invalid-input` when the policy can not hold on this host (a rule needs a chain that
 * `exclusive` mode deletes), and `refused` as `claim`, `buildBatch` and `planSets` do.
 */
export function makePlan(input: {
  readonly families: readonly FamilyGoal[]
  readonly ownership?: Ownership
  readonly policyDigest?: string
  readonly sets?: Omit<SetsPlanInput, 'rules'>
  /** Of earlier stages, to be shown with the plan. */
  readonly diagnostics?: readonly Diagnostic[]
}): Plan {
  const { ownership = DEFAULT_OWNERSHIP, policyDigest } = input
  const diagnostics = [...(input.diagnostics ?? [])]
  const families = input.families.map((goal): FamilyPlan => {
    const claimed = targetOf(goal, ownership)
    diagnostics.push(...claimed.diagnostics)
    refuseErrors(claimed.diagnostics)
    const { dialect, live } = goal
    const { target, unmanaged, declared } = claimed
    const changes = diffRulesets(live, target)
    const scope = claimed.scope ?? scopeOf(changes)
    let base: string | undefined
    let result: string | undefined
    return {
      family: live.family,
      dialect,
      live,
      target,
      ...(declared === undefined ? {} : { desired: declared }),
      scope,
      // Of thousands of rules they take a while, and not every plan is saved.
      get base(): string {
        base ??= scopeDigest(live, scope)
        return base
      },
      get result(): string {
        result ??= rulesetDigest(target)
        return result
      },
      changes,
      batch: buildBatch({ live, target, dialect, changes, foreign: ownership.foreign }),
      unmanaged,
    }
  })
  const sets = input.sets && planSets({ ...input.sets, rules: families })
  diagnostics.push(...(sets?.diagnostics ?? []))
  const changes = families.flatMap((family) => family.changes)
  return {
    formatVersion: '1.0',
    ...(policyDigest === undefined ? {} : { policyDigest }),
    ownership,
    families,
    ...(sets === undefined ? {} : { sets: sets.plan }),
    summary: summarise(changes, sets?.plan.changes),
    diagnostics,
  }
}

/** Whether there is nothing to do. */
export function isEmptyPlan(plan: Plan): boolean {
  const setChanges = plan.sets?.changes.length ?? 0
  return setChanges === 0 && plan.families.every((family) => family.changes.length === 0)
}

/**
 * Whether the plan takes something away from others, which has to be asked for: `exclusive` mode
 * deletes what the policy does not declare.
 */
export function removesOthers(plan: Plan): boolean {
  return plan.diagnostics.some(isRemovalOfOthers)
}

function targetOf(
  goal: FamilyGoal,
  ownership: Ownership,
): Omit<Claim, 'scope'> & { readonly scope?: Scope; readonly declared?: Ruleset } {
  if (goal.desired !== undefined) {
    const { desired, live, previous } = goal
    return { ...claim({ desired, live, ownership, previous }), declared: desired }
  }
  const { target, unmanaged = NOTHING_UNMANAGED, scope, declared } = goal
  const known = {
    ...(scope === undefined ? {} : { scope }),
    ...(declared === undefined ? {} : { declared }),
  }
  return { target, unmanaged, ...known, diagnostics: [] }
}

function refuseErrors(diagnostics: readonly Diagnostic[]): void {
  if (!hasErrors(diagnostics)) return
  const first = diagnostics.find((diagnostic) => diagnostic.severity === 'error')
  throw new FwctlError(
    'invalid-input',
    `the policy can not be planned: ${first?.message}. The host was not touched.`,
    { details: { diagnostics } },
  )
}

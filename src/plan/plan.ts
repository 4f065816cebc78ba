import type { Diagnostic } from '../base/diagnostic.ts'
import { hasErrors } from '../base/diagnostic.ts'
import { FwctlError } from '../base/error.ts'
import type { Ownership } from '../policy/policy.ts'
import type { Dialect, Family, Ruleset } from '../ruleset/model.ts'
import { type Batch, buildBatch } from './batch.ts'
import { type Change, type Summary, summarise } from './change.ts'
import { claim, NOTHING_UNMANAGED, type Unmanaged } from './claim.ts'
import { diffRulesets } from './diff.ts'
import { rulesetDigest } from './state.ts'

/** The plan of one family. */
export interface FamilyPlan {
  readonly family: Family
  readonly dialect: Dialect
  /** The whole live state that the plan is made from. */
  readonly live: Ruleset
  /** What live must become: with everything that is not ours. */
  readonly target: Ruleset
  /** `rulesetDigest` of live: the plan holds as long as it is the same. */
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
  /** The policy's own patterns of foreign chains. */
  readonly foreign: readonly string[]
  readonly families: readonly FamilyPlan[]
  /** Of all families. */
  readonly summary: Summary
  /** What the operator should know before saying yes. */
  readonly diagnostics: readonly Diagnostic[]
}

/** Where a family should go: to what a policy declares, or to a whole state such as a snapshot. */
export type FamilyGoal = { readonly dialect: Dialect; readonly live: Ruleset } & (
  | { readonly desired: Ruleset }
  | { readonly target: Ruleset; readonly unmanaged?: Unmanaged }
)

/** What a policy without an `ownership` section means. */
const DEFAULT_OWNERSHIP: Ownership = { mode: 'chains', foreign: [] }

/**
 * Throws `invalid-input` when the policy can not hold on this host (a rule needs a chain that
 * `exclusive` mode deletes), and `refused` as `claim` and `buildBatch` do.
 */
export function makePlan(input: {
  readonly families: readonly FamilyGoal[]
  readonly ownership?: Ownership
  readonly policyDigest?: string
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
    const { target, unmanaged } = claimed
    return {
      family: live.family,
      dialect,
      live,
      target,
      base: rulesetDigest(live),
      result: rulesetDigest(target),
      changes: diffRulesets(live, target),
      batch: buildBatch({ live, target, dialect, foreign: ownership.foreign }),
      unmanaged,
    }
  })
  return {
    formatVersion: '1.0',
    ...(policyDigest === undefined ? {} : { policyDigest }),
    foreign: ownership.foreign,
    families,
    summary: summarise(families.flatMap((family) => family.changes)),
    diagnostics,
  }
}

/** Whether there is nothing to do. */
export function isEmptyPlan(plan: Plan): boolean {
  return plan.families.every((family) => family.changes.length === 0)
}

function targetOf(
  goal: FamilyGoal,
  ownership: Ownership,
): {
  readonly target: Ruleset
  readonly unmanaged: Unmanaged
  readonly diagnostics: readonly Diagnostic[]
} {
  if ('desired' in goal) return claim({ desired: goal.desired, live: goal.live, ownership })
  const { target, unmanaged = NOTHING_UNMANAGED } = goal
  return { target, unmanaged, diagnostics: [] }
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

/**
 * A plan in a file, between `plan --out` and `apply FILE`.
 *
 * The file is untrusted input, whoever wrote it: a lost sector or an editor is as likely as an
 * attacker. It holds digests and the text of the target, and no batch. Reading checks its shape key
 * by key, its own digest, and that the target's text is the one way to write that target; the batch
 * is then made anew against the freshly read live state, so that counters are fresh and no line of
 * the file ever reaches iptables-restore unread. The digest tells damage, not authors: who may write
 * the file may plan.
 */
import { digest } from '../base/digest.ts'
import { FwctlError } from '../base/error.ts'
import type { Names } from '../extensions/names.ts'
import type { LiveSets, SetGoal } from '../ipset/set.ts'
import { parseSave, printState } from '../iptables/save.ts'
import type { Ownership } from '../policy/policy.ts'
import type { Dialect, Family, Ruleset } from '../ruleset/model.ts'
import type { Unmanaged } from './claim.ts'
import { makePlan, type Plan } from './plan.ts'
import { chainOriginsOf, originsOf, withOrigins } from './saved-origins.ts'
import { isSetName, readGoal, type SavedSets, saveGoal } from './saved-sets.ts'
import { type SavedFamilyShape, type SavedShape, savedShape, untrusted } from './saved-shape.ts'
import { rebase, type Scope, sameScope, scopeDigest } from './scope.ts'
import { rulesetDigest, stateText } from './state.ts'

/** No real plan comes near: 100,000 rules take some 15 MB. */
const MAX_LENGTH = 128 * 1024 * 1024

export interface SavedFamily {
  readonly family: Family
  readonly dialect: Dialect
  readonly base: string
  readonly result: string
  readonly target: Ruleset
  readonly desired?: Ruleset
  readonly scope: Scope
  readonly unmanaged: Unmanaged
}

export interface SavedPlan {
  readonly policyDigest?: string
  readonly ownership: Ownership
  readonly families: readonly SavedFamily[]
  readonly sets?: SavedSetsPlan
}

/** What becomes of the sets, and the digest of what is to be done for it. */
export interface SavedSetsPlan {
  readonly goals: readonly SetGoal[]
  readonly removals: readonly string[]
  readonly digest: string
}

/** What is live now, family by family: `parseSave` gives such values. */
export type LiveStates = Partial<
  Readonly<Record<Family, { readonly ruleset: Ruleset; readonly dialect: Dialect }>>
>

/** JSON with a final newline. The same plan gives the same text. */
export function serialisePlan(plan: Plan): string {
  const body: Omit<SavedShape, 'digest'> = {
    kind: 'fwctl-plan',
    formatVersion: plan.formatVersion,
    policyDigest: plan.policyDigest ?? null,
    ownership: plan.ownership,
    families: plan.families.map((family) => ({
      family: family.family,
      backend: family.dialect.backend,
      version: family.dialect.version,
      scope: family.scope,
      base: family.base,
      result: family.result,
      target: stateText(family.target),
      desired: family.desired === undefined ? null : printState(family.desired),
      origins: originsOf(family.target),
      chains: chainOriginsOf(family.changes),
      unmanaged: family.unmanaged,
    })),
    ...(plan.sets === undefined ? {} : { sets: serialiseSets(plan.sets) }),
  }
  return `${JSON.stringify({ ...body, digest: integrity(body) }, null, 1)}\n`
}

/** Throws `untrusted-file` for anything that `serialisePlan` would not have written. */
export function readSavedPlan(text: string, options: { readonly names?: Names } = {}): SavedPlan {
  if (text.length > MAX_LENGTH) throw untrusted('it is too large')
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw untrusted('it is not JSON', cause)
  }
  const { digest: stated, ...body } = savedShape(json)
  if (integrity(body) !== stated) throw untrusted('its digest does not match: it was changed')
  return {
    ...(body.policyDigest === null ? {} : { policyDigest: body.policyDigest }),
    ownership: body.ownership,
    families: body.families.map((family) => readFamily(family, options.names)),
    ...(body.sets === undefined ? {} : { sets: readSets(body.sets) }),
  }
}

function serialiseSets({ goals, removals, digest }: SavedSetsPlan): SavedSets {
  return { goals: goals.map(saveGoal), removals, digest }
}

function readSets({ goals, removals, digest }: SavedSets): SavedSetsPlan {
  const strange = removals.find((name) => !isSetName(name))
  if (strange !== undefined) throw untrusted('it removes a set that fwctl can not have made')
  return {
    goals: goals.map((saved) => {
      const goal = readGoal(saved)
      if (goal === undefined) throw untrusted('a set in it does not read back as it was written')
      return goal
    }),
    removals,
    digest,
  }
}

/** What a plan was made from. */
export interface PlanBase {
  readonly family: Family
  readonly dialect: Dialect
  readonly scope: Scope
  /** `scopeDigest` of the live rules. */
  readonly base: string
  /** Those rules themselves, where they are still at hand: comparing them is cheaper. */
  readonly live?: Ruleset
}

/** A plan, saved or not, holds only while everything that it depends on is as it was. */
export function checkBase(
  plan: { readonly families: readonly PlanBase[] },
  live: LiveStates,
): { readonly kind: 'current' } | { readonly kind: 'stale'; readonly families: readonly Family[] } {
  const families = plan.families.filter((planned) => !isCurrent(planned, live[planned.family]))
  if (families.length === 0) return { kind: 'current' }
  return { kind: 'stale', families: families.map((one) => one.family) }
}

function isCurrent(planned: PlanBase, now: LiveStates[Family]): boolean {
  const { dialect, scope, live } = planned
  // Another back end or version reads and prints other texts: what was shown is not what comes.
  if (
    now?.dialect.backend !== dialect.backend ||
    now.dialect.version.join('.') !== dialect.version.join('.')
  ) {
    return false
  }
  if (live !== undefined && sameScope(live, now.ruleset, scope)) return true
  return scopeDigest(now.ruleset, scope) === planned.base
}

/**
 * The saved plan against what is live now; throws `stale-plan` when that is something else.
 *
 * @param sets The live sets that the plan names, when it is about any.
 */
export function planFromSaved(saved: SavedPlan, live: LiveStates, sets?: LiveSets): Plan {
  const base = checkBase(saved, live)
  if (base.kind === 'stale') {
    throw new FwctlError(
      'stale-plan',
      `The live ${base.families.join(' and ')} rules are no longer those that this plan was made ` +
        'from. The host was not touched; make a new plan.',
      { details: { families: base.families } },
    )
  }
  const plan = makePlan({
    ...(saved.policyDigest === undefined ? {} : { policyDigest: saved.policyDigest }),
    ...(saved.sets === undefined
      ? {}
      : { sets: { live: sets ?? new Map(), goals: saved.sets.goals, made: saved.sets.removals } }),
    ownership: saved.ownership,
    families: saved.families.map(({ family, dialect, target, desired, scope, unmanaged }) => {
      const now = live[family]?.ruleset ?? { family, tables: [] }
      return {
        dialect,
        live: now,
        target: rebase({ live: now, target, scope }),
        scope,
        unmanaged,
        ...(desired === undefined ? {} : { declared: desired }),
      }
    }),
  })
  if (plan.sets?.digest === saved.sets?.digest) return plan
  throw new FwctlError(
    'stale-plan',
    'The live sets are no longer those that this plan was made from. The host was not touched; make ' +
      'a new plan.',
  )
}

function readFamily(saved: SavedFamilyShape, names: Names | undefined): SavedFamily {
  const { family, backend, version, base, scope, result, unmanaged } = saved
  const dialect: Dialect = { family, backend, version }
  const parsed = parseSave(saved.target, { family, dialect, ...(names && { names }) })
  const [problem] = parsed.diagnostics
  if (problem !== undefined) throw untrusted(`its ${family} target is broken: ${problem.message}`)
  if (stateText(parsed.ruleset) !== saved.target || rulesetDigest(parsed.ruleset) !== result) {
    throw untrusted(`its ${family} target does not read back as it was written`)
  }
  const target = withOrigins(parsed.ruleset, saved)
  const desired = readDesired(saved, names)
  return {
    family,
    dialect,
    base,
    scope,
    result,
    target,
    unmanaged,
    ...(desired === undefined ? {} : { desired }),
  }
}

function readDesired(saved: SavedFamilyShape, names: Names | undefined): Ruleset | undefined {
  const { family, backend, version, desired } = saved
  if (desired === null) return undefined
  const dialect: Dialect = { family, backend, version }
  const parsed = parseSave(desired, { family, dialect, ...(names && { names }) })
  const [problem] = parsed.diagnostics
  if (problem !== undefined || printState(parsed.ruleset) !== desired) {
    throw untrusted(`what its policy declares for ${family} does not read back as it was written`)
  }
  return parsed.ruleset
}

function integrity(body: Omit<SavedShape, 'digest'>): string {
  return digest(JSON.stringify(body))
}

import { type Diagnostic, hasErrors } from '../base/diagnostic.ts'
import type { Names } from '../extensions/names.ts'
import type { LiveSets } from '../ipset/set.ts'
import { isNegated, unfaithfulRules } from '../iptables/faithful.ts'
import { type CompiledPolicy, compilePolicy } from '../policy/compile.ts'
import type { LoadedPolicy } from '../policy/load.ts'
import type { Policy } from '../policy/policy.ts'
import { danglingJumps } from '../policy/references.ts'
import { missingSets } from '../policy/set-rules.ts'
import type { Dialect, Family, Ruleset, TableName } from '../ruleset/model.ts'
import type { DeclaredChains } from './claim.ts'
import { type FamilyGoal, makePlan, type Plan } from './plan.ts'
import type { LiveStates } from './saved.ts'

export interface PolicyPlan {
  /** Absent when there are errors among the diagnostics. */
  readonly plan?: Plan
  /** Everything that was found on the way; the plan has them too. */
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * Compiles a policy in the host's own dialects and plans it, for the families that both the policy
 * and `live` have. A jump to a chain that the policy does not declare is fine where that chain is
 * live. Throws like `makePlan`.
 */
export function planFromPolicy(
  loaded: LoadedPolicy,
  live: LiveStates,
  options: PlanPolicyOptions & {
    readonly names?: Names
    /** Rules that expired before it are left out; absent: none are. */
    readonly now?: Date
  } = {},
): PolicyPlan {
  const { policy, diagnostics } = loaded
  if (policy === undefined) {
    return { diagnostics: [...diagnostics, ...(options.diagnostics ?? [])] }
  }
  const { names, now } = options
  const compiled = compilePolicy(policy, {
    dialects: dialectsFor(policy.families, live),
    ...(names ? { names } : {}),
    ...(now ? { now } : {}),
  })
  return planCompiled({ ...loaded, policy, compiled }, live, options)
}

export interface PlanPolicyOptions {
  readonly diagnostics?: readonly Diagnostic[]
  /** The live sets that the policy names; absent: sets are not looked at. */
  readonly sets?: LiveSets
  /** What was declared when fwctl last applied here. User-defined chains that are gone go. */
  readonly previous?: Readonly<Partial<Record<Family, DeclaredChains>>>
  /** Sets that fwctl made on this host. Those that the policy no longer declares go. */
  readonly madeSets?: readonly string[]
}

/** A policy that was compiled in the host's own dialects. */
export interface PolicyToPlan extends Pick<LoadedPolicy, 'diagnostics' | 'digest'> {
  readonly policy: Pick<Policy, 'families' | 'ownership'>
  readonly compiled: CompiledPolicy
}

/** Plans what a policy was compiled to. Throws like `makePlan`. */
export function planCompiled(
  input: PolicyToPlan,
  live: LiveStates,
  options: PlanPolicyOptions = {},
): PolicyPlan {
  const { policy, compiled } = input
  const before = [...input.diagnostics, ...(options.diagnostics ?? [])]
  const families = policy.families.filter((family) => live[family] !== undefined)
  const jumps = compiled.externalJumps.filter((jump) => families.includes(jump.family))
  const isLive = liveChains(live)
  const diagnostics = [
    ...before,
    ...compiled.diagnostics,
    ...danglingJumps(jumps, ({ family, table, target }) => isLive(table, target, family)),
    ...missingSets(compiled.externalSets, options.sets),
  ]
  if (hasErrors(diagnostics)) return { diagnostics }
  const plan = makePlan({
    families: families.flatMap((family): FamilyGoal[] => {
      const [found, desired] = [live[family], compiled.desired[family]]
      if (found === undefined || desired === undefined) return []
      const previous = options.previous?.[family]
      return [{ dialect: found.dialect, live: found.ruleset, desired, previous }]
    }),
    ownership: policy.ownership,
    policyDigest: input.digest(),
    ...(options.sets === undefined
      ? {}
      : { sets: { live: options.sets, goals: compiled.sets, made: options.madeSets ?? [] } }),
    diagnostics: [...diagnostics, ...unfaithfulLiveRules(live, families, compiled.desired)],
  })
  return { plan, diagnostics: plan.diagnostics }
}

/** Says whether there is such a chain on the host. */
function liveChains(
  live: LiveStates,
): (table: TableName, chain: string, family: Family) => boolean {
  const known = new Map<string, ReadonlySet<string>>()
  return (table, chain, family) => {
    const place = `${family} ${table}`
    let names = known.get(place)
    if (names === undefined) {
      const found = live[family]?.ruleset.tables.find(({ name }) => name === table)
      names = new Set(found?.chains.map(({ name }) => name))
      known.set(place, names)
    }
    return names.has(chain)
  }
}

/** Live rules that do not do what they say: reported, and kept unless the policy removes them. */
function unfaithfulLiveRules(
  live: LiveStates,
  families: readonly Family[],
  desired: CompiledPolicy['desired'],
): Diagnostic[] {
  return families.flatMap((family) => {
    const state = live[family]
    if (state === undefined) return []
    let known: ReadonlySet<string> | undefined
    const options = {
      ...state,
      // The policy would have been refused with a rule that does not do what it says.
      known: () => (known ??= negatedTextsOf(desired[family])),
    }
    return unfaithfulRules(state.ruleset, options).map(
      ({ table, chain, position, rule, reason }): Diagnostic => ({
        code: reason.code,
        severity: 'warning',
        message: `live ${family} ${table} ${chain} rule ${position} (${rule.text}): ${reason.message}`,
        hint: 'fwctl leaves it alone; a snapshot that holds it is no way back',
      }),
    )
  })
}

/** Of the rules that `unfaithfulRules` looks at. */
function negatedTextsOf(ruleset: Ruleset | undefined): ReadonlySet<string> {
  const texts = new Set<string>()
  for (const { chains } of ruleset?.tables ?? []) {
    for (const { rules } of chains)
      for (const { text } of rules) if (isNegated(text)) texts.add(text)
  }
  return texts
}

/**
 * Also for a family that is not looked at: a rule for IPv6 alone is no mistake because only IPv4 is
 * planned.
 */
export function dialectsFor(
  families: readonly Family[],
  live: Readonly<Partial<Record<Family, { readonly dialect: Dialect }>>>,
): Readonly<Partial<Record<Family, Dialect>>> {
  const known = Object.values(live).find((state) => state !== undefined)?.dialect
  const dialects: Partial<Record<Family, Dialect>> = {}
  for (const family of families) {
    const dialect = live[family]?.dialect ?? (known && { ...known, family })
    if (dialect !== undefined) dialects[family] = dialect
  }
  return dialects
}

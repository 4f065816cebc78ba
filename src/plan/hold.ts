/** Holds a host to what was last applied: after a restart, and against changes from outside. */
import type { Names } from '../extensions/names.ts'
import type { LiveSets, SetGoal } from '../ipset/set.ts'
import type { Ownership } from '../policy/policy.ts'
import type { Family, Rule, Ruleset, TableName } from '../ruleset/model.ts'
import { claim } from './claim.ts'
import { readBaseline } from './drift.ts'
import { makePlan, type Plan } from './plan.ts'
import type { LiveStates } from './saved.ts'
import { readGoal, type SavedSet } from './saved-sets.ts'

/** A rule of what was applied that goes at a certain time. */
export interface ExpiringRule {
  readonly table: TableName
  readonly chain: string
  readonly key: string
  /** RFC 3339. */
  readonly at: string
}

/** As much of the record of an apply as is needed to hold a host to it. */
export interface HeldRecord {
  readonly ownership: Ownership
  readonly policyDigest?: string
  readonly families: Readonly<
    Partial<
      Record<
        Family,
        {
          readonly rules: string
          readonly desired?: string
          readonly expires?: readonly ExpiringRule[]
        }
      >
    >
  >
  readonly sets?: { readonly goals: readonly SavedSet[] }
}

/** The sets that were declared when the record was made. */
export function heldSets(record: HeldRecord): readonly SetGoal[] {
  return (record.sets?.goals ?? []).flatMap((saved) => readGoal(saved) ?? [])
}

/** The rules of a target that do not stay for ever, for the record. */
export function expiringRules(target: Ruleset): readonly ExpiringRule[] {
  return target.tables.flatMap((table) =>
    table.chains.flatMap((chain) =>
      chain.rules.flatMap((rule): ExpiringRule[] => {
        const at = rule.isLasting ? undefined : rule.origin?.expires
        // The key last: for most rules nobody has to work it out.
        return at === undefined ? [] : [{ table: table.name, chain: chain.name, key: rule.key, at }]
      }),
    ),
  )
}

/**
 * The plan back to what was applied, without what has expired since, for the families that both the
 * record and `live` have. What belongs to others stays as it is, as with any plan. Throws like
 * `makePlan`, and `untrusted-file` when the record is damaged.
 */
export function planHold(input: {
  readonly record: HeldRecord
  readonly live: LiveStates
  readonly now: Date
  /** With ownership.mode exclusive: also delete what others have made since. */
  readonly prune?: boolean
  /** The live ones of `heldSets`; absent: sets stay as they are. */
  readonly sets?: LiveSets
  readonly names?: Names
}): Plan {
  const { record, names } = input
  const { policyDigest } = record
  const isCareful = record.ownership.mode === 'exclusive' && !input.prune
  const ownership: Ownership = isCareful
    ? { ...record.ownership, mode: 'chains' }
    : record.ownership
  const families = Object.values(input.live).flatMap((state) => {
    if (state === undefined) return []
    const { ruleset: live, dialect } = state
    const held = record.families[live.family]
    if (held === undefined) return []
    const known = { ownership, dialect, ...(names ? { names } : {}) }
    const { desired } = readBaseline(held, known)
    const claimed = claim({ desired, live, ownership })
    const target = withoutExpired(claimed.target, held.expires ?? [], input.now)
    const { scope, unmanaged } = claimed
    return [{ dialect, live, scope, unmanaged, target, declared: desired }]
  })
  return makePlan({
    families,
    ownership,
    ...(input.sets && { sets: { live: input.sets, goals: heldSets(record), made: [] } }),
    ...(policyDigest === undefined ? {} : { policyDigest }),
  })
}

function withoutExpired(target: Ruleset, expires: readonly ExpiringRule[], now: Date): Ruleset {
  const over = expires.filter(({ at }) => new Date(at) <= now)
  if (over.length === 0) return target
  const isOver = (table: TableName, chain: string, { key }: Rule): boolean =>
    over.some((one) => one.table === table && one.chain === chain && one.key === key)
  return {
    ...target,
    tables: target.tables.map((table) => ({
      ...table,
      chains: table.chains.map((chain) => ({
        ...chain,
        rules: chain.rules.filter((rule) => !isOver(table.name, chain.name, rule)),
      })),
    })),
  }
}

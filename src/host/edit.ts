/** What is done about one family of a host: what apply, undo and recovery are about. */
import type { Names } from '../extensions/names.ts'
import { type Batch, buildBatch } from '../plan/batch.ts'
import type { Change } from '../plan/change.ts'
import { diffRulesets } from '../plan/diff.ts'
import { type GuardedBatch, guardBatch, unguarded } from '../plan/guards.ts'
import { type TouchedChain, touchedChains } from '../plan/touched.ts'
import type { ForeignPatterns } from '../policy/policy.ts'
import type { Dialect, Family, Ruleset } from '../ruleset/model.ts'
import { type FamilyTools, type HostBackend, requireTools } from './backend.ts'
import type { Executor } from './executor.ts'
import type { Live } from './live.ts'

/** The host that is changed. */
export interface Host {
  readonly executor: Executor
  readonly backend: HostBackend
  readonly names?: Names
}

/** One family's way from `before` to `target`. */
export interface Edit {
  readonly family: Family
  readonly tools: FamilyTools
  readonly before: Ruleset
  readonly target: Ruleset
  readonly touched: readonly TouchedChain[]
  readonly foreign: ForeignPatterns
  readonly batch: Batch
  /** The batch as it is run. */
  readonly guarded: GuardedBatch
}

/** The way from one state to another, as a plan has it. */
interface KnownWay {
  readonly dialect: Dialect
  readonly live?: Ruleset
  readonly target: Ruleset
  readonly changes?: readonly Change[]
  /** For the same `foreign`. */
  readonly batch?: Batch
}

/**
 * The edits that turn what is live into the targets; families without changes have none.
 * `byValue: false`: rules go by their number only (see `guardBatch`).
 */
export function planEdits(
  { backend }: Host,
  live: Live,
  goal: {
    readonly targets: readonly Ruleset[]
    /** What has been worked out, of which some may still hold. */
    readonly known?: readonly KnownWay[]
    readonly foreign: ForeignPatterns
    readonly byValue?: boolean
  },
): readonly Edit[] {
  const { targets, known = [], foreign, byValue } = goal
  return targets.flatMap((target): Edit[] => {
    const { family } = target
    const before = live[family]?.ruleset ?? { family, tables: [] }
    const way = known.find((one) => one.live === before && one.target === target)
    const changes = way?.changes ?? diffRulesets(before, target)
    if (changes.length === 0) return []
    const tools = requireTools(backend, family)
    const { dialect } = tools
    const batch =
      (way?.dialect.backend === dialect.backend ? way.batch : undefined) ??
      buildBatch({ live: before, target, dialect, changes, foreign })
    const guarded =
      dialect.backend === 'nft' ? guardBatch(batch, before, byValue) : unguarded(batch)
    return [
      { family, tools, before, target, touched: touchedChains(changes), foreign, batch, guarded },
    ]
  })
}

/** What was read of a family; nothing, if it was not read. */
export function liveOf(live: Live, family: Family): Ruleset {
  return live[family]?.ruleset ?? { family, tables: [] }
}

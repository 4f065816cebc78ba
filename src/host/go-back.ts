/** Takes a change back that failed, or was cut short. */
import { setTimeout } from 'node:timers/promises'
import { sameChains, type TouchedChain } from '../plan/touched.ts'
import { wayBack } from '../plan/way-back.ts'
import type { ForeignPatterns } from '../policy/policy.ts'
import type { Family, Ruleset } from '../ruleset/model.ts'
import { requireTools } from './backend.ts'
import { type CommitFailure, commitEdits, type Freeze } from './commit.ts'
import { type Host, liveOf, planEdits } from './edit.ts'
import { type Live, readLive } from './live.ts'
import { type LostRule, withLostRules } from './lost-rules.ts'
import { planSetsEdit, readSets, removeLeftovers, type SetsEdit, type SetsTarget } from './sets.ts'

/** What a change made, or was to make, of a family's chains. */
export interface WayBack {
  readonly family: Family
  readonly touched: readonly TouchedChain[]
  readonly before: Ruleset
  /** What the change leads to; all of it, a part of it or nothing may have been done. */
  readonly target: Ruleset
}

/** Another tool may commit in between, so it is tried again and again, each time from a fresh look. */
const MAX_MS = 20_000
/** So often it may be refused, which is not always somebody else's doing; never, if we have the lock. */
const REFUSALS = { racing: 10, alone: 3 } as const
/** From then on it is committed even if others move about: closer is better than not at all. */
const PATIENT_ATTEMPTS = 8
const BACK_OFF_MS = 10
const LONGEST_MS = 300

/**
 * Puts the touched chains back, from whatever is there now; what others have added to them meanwhile
 * stays (plan/way-back.ts). Undefined when that is done; else why not. Nothing cancels it.
 */
export async function goBack(
  host: Host,
  input: {
    readonly ways: readonly WayBack[]
    readonly foreign: ForeignPatterns
    readonly freeze: Freeze
    /** The sets as they have to be again. */
    readonly sets?: SetsTarget | undefined
  },
): Promise<string | undefined> {
  const { foreign, freeze } = input
  let { ways } = input
  let failure: CommitFailure | undefined
  let byValue = true
  let refusals = 0
  const most = freeze.holds ? REFUSALS.alone : REFUSALS.racing
  let last: Live = {}
  const end = performance.now() + MAX_MS
  for (let attempt = 0; refusals < most && performance.now() < end; attempt++) {
    if (attempt > 0) await backOff(attempt)
    try {
      const live = await readLive(host.executor, host.backend, {
        families: ways.map((way) => way.family),
        ...(host.names ? { names: host.names } : {}),
      })
      const targets = ways.map((way) =>
        wayBack({ ...way, live: liveOf(live, way.family), after: way.target, foreign }),
      )
      const edits = planEdits(host, live, { targets, foreign, byValue })
      const sets = input.sets && (await planSetsBack(host, input.sets))
      if (edits.length === 0 && sets === undefined) return undefined
      const isPatient = attempt < PATIENT_ATTEMPTS
      // Nobody is in the way, and it does not help: what is read is not what there is.
      if (failure?.kind === 'differs' && isSame(ways, last, live)) refusals += most / 2
      if (refusals >= most) break
      last = live
      failure = await commitEdits(host, edits, { freeze, sets, isPatient })
      if (failure === undefined) return undefined
      if (failure.kind !== 'differs' && !failure.untouched) refusals++
      byValue &&= !failure.notFound
      ways = ways.map((way) => withLost(host, way, failure?.lost ?? []))
    } catch (error) {
      refusals++
      if (refusals >= most) return error instanceof Error ? error.message : String(error)
    }
  }
  return failure?.reason ?? 'it was tried several times'
}

function isSame(ways: readonly WayBack[], a: Live, b: Live): boolean {
  return ways.every((way) => sameChains(liveOf(a, way.family), liveOf(b, way.family), way.touched))
}

/** Whoever is in the way in even steps must not be met in even steps. */
function backOff(attempt: number): Promise<void> {
  return setTimeout(Math.random() * Math.min(LONGEST_MS, BACK_OFF_MS * 2 ** attempt))
}

function withLost({ backend }: Host, way: WayBack, lost: readonly LostRule[]): WayBack {
  return { ...way, before: withLostRules(way.before, lost, requireTools(backend, way.family)) }
}

/** Also clears away what was being filled when it went wrong. */
async function planSetsBack({ executor }: Host, target: SetsTarget): Promise<SetsEdit | undefined> {
  const names = [...target.goals.map((goal) => goal.set.name), ...target.removals]
  const live = await readSets(executor, names)
  const edit = planSetsEdit(live, target)
  if (edit === undefined || edit.batch.before === '') await removeLeftovers(executor, live)
  return edit
}

/** Takes a change back that failed, or was cut short. */
import type { TouchedChain } from '../plan/touched.ts'
import { wayBack } from '../plan/way-back.ts'
import type { ForeignPatterns } from '../policy/policy.ts'
import type { Family, Ruleset } from '../ruleset/model.ts'
import { requireTools } from './backend.ts'
import {
  type CommitFailure,
  commitEdits,
  type Freeze,
  type Host,
  liveOf,
  planEdits,
} from './commit.ts'
import { readLive } from './live.ts'
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

/** Another tool may commit in between, so going back is tried a few times, each from a fresh look. */
const ATTEMPTS = 3

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
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
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
      failure = await commitEdits(host, edits, { freeze, sets })
      if (failure === undefined) return undefined
      byValue &&= !failure.notFound
      ways = ways.map((way) => withLost(host, way, failure?.lost ?? []))
    } catch (error) {
      if (attempt === ATTEMPTS - 1) return error instanceof Error ? error.message : String(error)
    }
  }
  return failure?.reason ?? 'it was tried several times'
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

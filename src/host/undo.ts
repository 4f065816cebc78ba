/** The end of an apply that failed after it had touched the host, or may have. */
import { FwctlError } from '../base/error.ts'
import { sameChains } from '../plan/touched.ts'
import type { ForeignPatterns } from '../policy/policy.ts'
import { requireTools } from './backend.ts'
import type { CommitFailure, Edit, Freeze, Host } from './commit.ts'
import { liveOf } from './commit.ts'
import { disarmConfirm } from './confirm.ts'
import { goBack } from './go-back.ts'
import { closeJournal } from './journal.ts'
import { type Live, readLive } from './live.ts'
import { withLostRules } from './lost-rules.ts'
import type { PendingChange } from './pending.ts'
import { type SetsEdit, setsWayBack } from './sets.ts'
import type { StateDir } from './state-dir.ts'

/** What was being done. */
export interface Attempt {
  readonly edits: readonly Edit[]
  readonly sets: SetsEdit | undefined
  readonly foreign: ForeignPatterns
  readonly freeze: Freeze
  readonly snapshot: string
  readonly armed: PendingChange | undefined
}

/**
 * Puts back what was there before, with what others have done to it meanwhile. Throws FwctlError
 * `rollback-incomplete`, with the state of each chain, when that fails.
 */
export async function undo(
  host: Host & { readonly stateDir: StateDir },
  attempt: Attempt,
  failure: CommitFailure,
): Promise<void> {
  const { edits, sets, foreign, freeze, armed } = attempt
  const ways = edits.map((edit) => ({
    ...edit,
    before: withLostRules(edit.before, failure.lost, requireTools(host.backend, edit.family)),
  }))
  const why = await goBack(host, {
    ways,
    foreign,
    freeze,
    sets: sets && setsWayBack(sets),
  })
  if (why !== undefined)
    throw await incomplete(host, attempt, `${failure.reason}), and going back failed too (${why}`)
  // The host is as it was. Should the journal not go, the next run finds that out and closes it.
  if (armed) await disarmConfirm(host.stateDir, armed, 'applying it failed').catch(() => undefined)
  await closeJournal(host.stateDir).catch(() => undefined)
}

async function incomplete(
  host: Host & { readonly stateDir: StateDir },
  { edits, sets, snapshot }: Attempt,
  reason: string,
): Promise<FwctlError> {
  const live = await readLive(host.executor, host.backend, {
    families: edits.map((edit) => edit.family),
  }).catch(() => undefined)
  const state = edits.flatMap((edit) => stateOf(edit, live))
  const directory = `${host.stateDir.snapshots}/${snapshot}`
  const commands = [
    ...(sets === undefined ? [] : [`ipset restore -exist < ${directory}/sets.rules`]),
    ...edits.map(
      ({ family, tools }) => `${tools.restore} --counters < ${directory}/${family}.rules`,
    ),
  ]
  const changed = state.filter((one) => one.holds !== 'before')
  return new FwctlError(
    'rollback-incomplete',
    `Applying failed (${reason}). What the host holds now: ` +
      `${changed.map((one) => `${one.chain}: ${WORDS[one.holds]}`).join('; ') || 'the rules before'}; ` +
      `${changed.length === state.length ? 'no chain is' : 'all other chains are'} as before. ` +
      'The next run of fwctl goes on with the way back (fwctl rollback); ' +
      `to go it by hand, on ${host.executor.label}: ${commands.join(' && ')}`,
    { details: { reason, state, commands, snapshot } },
  )
}

interface ChainState {
  readonly chain: string
  readonly holds: 'before' | 'target' | 'neither' | 'unknown'
}

const WORDS: Readonly<Record<ChainState['holds'], string>> = {
  before: 'as before',
  target: 'as planned',
  neither: 'neither as before nor as planned',
  unknown: 'could not be read',
}

function stateOf({ family, touched, before, target }: Edit, live: Live | undefined): ChainState[] {
  return touched.map((place) => {
    const chain = `${family} ${place.table} ${place.chain}`
    if (live === undefined) return { chain, holds: 'unknown' }
    const found = liveOf(live, family)
    if (sameChains(found, before, [place])) return { chain, holds: 'before' }
    return { chain, holds: sameChains(found, target, [place]) ? 'target' : 'neither' }
  })
}

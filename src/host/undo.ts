/** The end of an apply that failed after it had touched the host, or may have. */
import { FwctlError } from '../base/error.ts'
import type { ForeignPatterns } from '../policy/policy.ts'
import { requireTools } from './backend.ts'
import { commandsToLoad, sayHowToLoad } from './by-hand.ts'
import { chainStates, sayChainStates } from './chain-state.ts'
import type { CommitFailure, Freeze } from './commit.ts'
import { disarmConfirm } from './confirm.ts'
import type { Edit, Host } from './edit.ts'
import { goBack } from './go-back.ts'
import { closeJournal } from './journal.ts'
import { readLive } from './live.ts'
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
 * `rollback-incomplete`, with the state of each chain, when that fails. False: the journal is still open.
 */
export async function undo(
  host: Host & { readonly stateDir: StateDir },
  attempt: Attempt,
  failure: CommitFailure,
): Promise<boolean> {
  const { edits, sets, foreign, freeze, armed } = attempt
  if (host.executor.machine?.lost?.() !== undefined) throw outOfReach(host, attempt, failure)
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
  return closeJournal(host.stateDir).then(
    () => true,
    () => false,
  )
}

/** What is there can not be known, nor changed. */
function outOfReach(
  { executor }: Host,
  { armed, snapshot }: Attempt,
  { reason }: CommitFailure,
): FwctlError {
  const what =
    armed === undefined
      ? 'The next fwctl that reaches it finishes or undoes it first (apply, or rollback).'
      : `Its watchdog takes it back by itself at ${armed.deadline}, unless an fwctl that reaches it has ` +
        'done so before.'
  return new FwctlError(
    'rollback-incomplete',
    `${reason} The change was being made, and it is not known how much of it is in place on ` +
      `${executor.label}. ${what}`,
    { details: { reason, snapshot, ...(armed && { token: armed.token }) } },
  )
}

async function incomplete(
  host: Host & { readonly stateDir: StateDir },
  { edits, sets, snapshot }: Attempt,
  reason: string,
): Promise<FwctlError> {
  const live = await readLive(host.executor, host.backend, {
    families: edits.map((edit) => edit.family),
  }).catch(() => undefined)
  const state = chainStates(edits, live)
  const commands = commandsToLoad(host.executor, host.stateDir, {
    snapshot,
    families: edits,
    sets: sets !== undefined,
  })
  return new FwctlError(
    'rollback-incomplete',
    `Applying failed (${reason}). ${sayChainStates(state)} ${sayHowToLoad(host.executor, commands)}`,
    { details: { reason, state, commands, snapshot } },
  )
}

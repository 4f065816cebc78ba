/**
 * Makes what is live the target of a plan, or leaves it as it was.
 *
 * Goals, and how each is met:
 * 1. Only the plan that was shown is carried out. Under the lock the live rules are read again (unless
 *    the plan was made under it); if they are not what the plan was made from, it is refused, or planned
 *    anew by whoever asked for it (`replan`). The batch is built from this fresh read, never taken from a file, so that it carries
 *    the counters of now.
 * 2. What the kernel would refuse does not reach it: the batch is rehearsed (rehearsal.ts). Where
 *    that is impossible, apply goes on by itself only if the kernel takes all or nothing: one block.
 * 3. Nobody gets in between: the state directory's lock keeps other fwctls out, the xtables lock
 *    other legacy programs. On nft nobody can be kept out. There the last thing before the commit is
 *    another look, and the batch guards itself (plan/guards.ts): what somebody does after that look
 *    makes it fail, or is found by the check after it, and nothing of it is lost.
 * 4. There is always a way back: the snapshot and the journal are on the disk before the first
 *    restore. Killed at any instant, the next run finds the journal (recover.ts).
 * 5. Done means seen: the rules are read back and compared. Otherwise, also on Ctrl-C, the chains that
 *    the plan touches are put back, by the same engine, counters included (undo.ts).
 * 6. Who was in the way may be gone: if somebody else changed the same chains, the whole is tried again
 *    a few times. After that it is a fight, which is reported and not fought.
 * 7. No change, no effect: an empty plan runs no restore and takes no snapshot.
 */
import { setTimeout } from 'node:timers/promises'
import type { Diagnostic } from '../base/diagnostic.ts'
import { FwctlError } from '../base/error.ts'
import { checkBase } from '../plan/saved.ts'
import type { Family } from '../ruleset/model.ts'
import { readApplied } from './applied.ts'
import { workAhead } from './apply-ahead.ts'
import { editsFor, readPlanned, stalePlan } from './apply-base.ts'
import { type Contest, commitGuarded, isFrozen } from './apply-commit.ts'
import { recordUnchanged } from './apply-record.ts'
import type { CommitRequest } from './apply-request.ts'
import { readSetsBase } from './apply-sets.ts'
import { disarmConfirm, requireNothingPending } from './confirm.ts'
import type { Host } from './edit.ts'
import type { Live } from './live.ts'
import { takeLock } from './lock.ts'
import type { PendingChange } from './pending.ts'
import {
  type NativeLook,
  type RehearseMode,
  refuseNativeRules,
  requireRehearsal,
} from './preflight.ts'
import { type Recovery, recover } from './recover.ts'
import type { Rehearsal } from './rehearsed.ts'
import type { BegunRehearsal } from './restore.ts'

/** What apply is about to do. */
export type ApplyStep = 'lock' | 'read' | 'rehearse' | 'snapshot' | 'commit' | 'verify' | 'undo'

export interface ApplyRequest extends CommitRequest {
  readonly rehearse: RehearseMode
  /** A turn that was taken before the live rules were read that the plan was made from. */
  readonly began?:
    | { readonly turn: Turn; readonly live: Live; readonly others?: Live | undefined }
    | undefined
  /** A rehearsal that was begun before the plan was made; whoever began it ends it. */
  readonly begunRehearsal?: BegunRehearsal | undefined
  /** The live rules that the plan was made from, if they were read before the turn was taken. */
  readonly seen?: Live | undefined
  readonly progress?: (step: ApplyStep) => void
  /** Called, once or more, while the rehearsal runs and there is nothing to do but wait. */
  readonly meanwhile?: () => void
}

export type ApplyOutcome =
  | { readonly kind: 'unchanged'; readonly recovery: Recovery }
  | {
      readonly kind: 'applied'
      readonly recovery: Recovery
      /** The way back. */
      readonly snapshot: string
      readonly rehearsal: Rehearsal
      readonly diagnostics: readonly Diagnostic[]
      /** What has to be confirmed now. */
      readonly pending?: PendingChange
      /** How often it was begun anew because others changed the same chains. */
      readonly retries: number
    }

const ATTEMPTS = 4
const BACK_OFF_MS = 50

/**
 * Throws FwctlError `lock-busy`, `stale-plan`, `rehearsal-failed`, `refused`, `live-unreadable` or
 * `cancelled` with the host untouched; `rolled-back` or (Ctrl-C) `cancelled` with the host as it was;
 * `rollback-incomplete` when that failed too.
 */
export async function applyPlan(request: ApplyRequest): Promise<ApplyOutcome> {
  request.progress?.('lock')
  const turn = request.began?.turn ?? (await takeTurn(request))
  try {
    return { recovery: turn.recovery, ...(await applyContested(request, turn.ending)) }
  } catch (error) {
    throw untouched(withRecovery(error, turn.recovery))
  } finally {
    await turn.release()
  }
}

/** The right to change the host, which no other fwctl has meanwhile. */
export interface Turn {
  /** What had been left half done, and what became of it. */
  readonly recovery: Recovery
  /** The pending change that `ends` names. */
  readonly ending: PendingChange | undefined
  /** Also more than once. */
  release(): Promise<void>
}

/**
 * Waits for the turn. Whoever plans and applies in one go, with nobody to be asked in between, takes it
 * before the plan is made: then what the plan is made from need not be read a second time.
 * Throws FwctlError `lock-busy` or `refused`.
 */
export async function takeTurn(
  request: Pick<ApplyRequest, keyof Host | 'stateDir' | 'lockWaitMs' | 'signal' | 'ends'>,
): Promise<Turn> {
  const { stateDir, lockWaitMs, signal, ends } = request
  const lock = await takeLock(stateDir.machine, stateDir.lock, {
    ...(lockWaitMs === undefined ? {} : { waitMs: lockWaitMs }),
    signal,
  })
  try {
    const recovery = await recover(request, stateDir)
    try {
      const ending = await requireNothingPending(request, stateDir, ends)
      return { recovery, ending, release: () => lock.release() }
    } catch (error) {
      throw withRecovery(error, recovery)
    }
  } catch (error) {
    await lock.release()
    throw untouched(error)
  }
}

/** From the first commit on, what is lost is told by undo.ts. */
function untouched(error: unknown): unknown {
  if (!(error instanceof FwctlError) || error.code !== 'connection-lost') return error
  return new FwctlError(error.code, `${error.message} The rules were not touched.`, {
    cause: error,
  })
}

/** What became of the run before may well be why this one does not get through. */
function withRecovery(error: unknown, recovery: Recovery): unknown {
  if (recovery.kind === 'nothing-open' || !(error instanceof FwctlError)) return error
  const message = `${recovery.message} Then, of this one: ${error.message}`
  return new FwctlError(error.code, message, {
    cause: error,
    details: { ...error.details, recovery },
  })
}

type Applied = Omit<Extract<ApplyOutcome, { kind: 'applied' }>, 'recovery' | 'retries'>
type Done = Applied | { readonly kind: 'unchanged' }

/** Tries until it is done, or others have been in the way too often. */
async function applyContested(
  request: ApplyRequest,
  ending: PendingChange | undefined,
): Promise<(Applied & { readonly retries: number }) | { readonly kind: 'unchanged' }> {
  const contests: Contest[] = []
  let { plan, began } = request
  for (;;) {
    request.progress?.('read')
    const live = began?.live ?? (await readPlanned({ ...request, plan }, request.seen))
    const others = began?.others
    began = undefined
    const base = checkBase(plan, live)
    if (base.kind === 'stale') {
      if (request.replan === undefined) throw noLonger(request, base.families, contests)
      plan = await request.replan(live)
    }
    const byValue = !contests.some((contest) => contest.notFound)
    const done = await attempt({ ...request, plan, others }, { live, byValue, ending })
    if (done.kind === 'unchanged') return done
    if (done.kind === 'applied') return { ...done, retries: contests.length }
    contests.push(done)
    if (contests.length === ATTEMPTS) throw fight(request, contests)
    await backOff(contests.length, request.signal)
  }
}

/** Once through all of it. */
async function attempt(
  request: ApplyRequest,
  context: {
    readonly live: Live
    readonly byValue: boolean
    readonly ending: PendingChange | undefined
  },
): Promise<Done | Contest> {
  const { live, byValue, ending } = context
  const edits = editsFor(request, live, byValue)
  const sets = await readSetsBase(request.executor, request.plan.sets, request.signal)
  if (edits.length === 0 && sets.edit === undefined) {
    if (ending) await disarmConfirm(request.stateDir, ending, TAKEN_BACK)
    else if (!request.unrecorded) await recordUnchanged(request, live)
    return { kind: 'unchanged' }
  }
  const last = request.last ?? (await readApplied(request.stateDir).catch(() => undefined))
  let looking: Promise<NativeLook> | undefined
  const lookForNativeRules = (): Promise<NativeLook> => {
    looking ??= refuseNativeRules(request, edits, last)
    looking.catch(() => undefined)
    return looking
  }
  const based = { request: { ...request, last }, live, edits, byValue }
  const ahead = workAhead(based, sets, lookForNativeRules)
  try {
    await ahead.beginLarge()
    request.progress?.('rehearse')
    const [rehearsal, { diagnostics }] = await inTurn(
      requireRehearsal({
        ...request,
        mode: request.rehearse,
        begun: request.begunRehearsal,
        edits,
        sets: sets.edit,
        meanwhile: () => {
          void lookForNativeRules()
          if (!isFrozen(edits)) ahead.begin()
          // Once these have started their programs.
          if (request.meanwhile) setImmediate(request.meanwhile)
        },
      }),
      lookForNativeRules,
    )
    requireNotCancelled(request)
    const families = edits.map((edit) => edit.family)
    const committed = await commitGuarded(request, { live, edits, families, byValue }, ahead)
    if (committed.kind === 'contested') return committed
    if (ending) await disarmConfirm(request.stateDir, ending, TAKEN_BACK)
    return { ...committed, kind: 'applied', rehearsal, diagnostics }
  } finally {
    await ahead.end()
  }
}

/**
 * What the second says, begun during the first or after it; should the first fail, it is told why only when
 * the second has come to its end, too: nothing of it may run on behind our back.
 */
async function inTurn<A, B>(first: Promise<A>, second: () => Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first])
  const other = second()
  await Promise.allSettled([other])
  return [await first, await other]
}

const TAKEN_BACK = 'it was taken back with fwctl rollback'

async function backOff(contests: number, signal: AbortSignal | undefined): Promise<void> {
  const span = BACK_OFF_MS * 2 ** contests
  await setTimeout(span / 2 + (Math.random() * span) / 2, undefined, { ...(signal && { signal }) })
    // The next step says that it was cancelled.
    .catch(() => undefined)
  if (signal?.aborted) throw new FwctlError('cancelled', 'Cancelled; the host is as it was before.')
}

/** The plan does not hold; or did, until somebody interfered with it. */
function noLonger(
  request: ApplyRequest,
  stale: readonly Family[],
  contests: readonly Contest[],
): FwctlError {
  const last = contests.findLast((contest) => contest.touched)
  if (last === undefined) return stalePlan(request, stale)
  return new FwctlError(
    'rolled-back',
    `Applying failed: ${last.reason}. Another program has changed ${placesOf(contests)} meanwhile. ` +
      'The host has been put back as it was before, and what the other one did has been kept; make a ' +
      'new plan and look at it.',
    { details: { reason: last.reason, contests } },
  )
}

function fight(request: ApplyRequest, contests: readonly Contest[]): FwctlError {
  const touched = contests.some((contest) => contest.touched)
  const state = touched
    ? 'The host has been put back as it was before, and what the other one did has been kept'
    : 'The host was not touched'
  return new FwctlError(
    touched ? 'rolled-back' : 'stale-plan',
    `Another program changes ${placesOf(contests)} on ${request.executor.label} whenever fwctl is about ` +
      `to; given up after ${contests.length} times (${contests.at(-1)?.reason}). ${state}. Find out ` +
      'which one it is, and leave those rules to it (ownership.foreign) or stop it.',
    { details: { contests } },
  )
}

function placesOf(contests: readonly Contest[]): string {
  const places = new Set(contests.flatMap((contest) => contest.chains))
  return places.size === 0 ? 'the same rules' : [...places].join(', ')
}

function requireNotCancelled({ signal }: ApplyRequest): void {
  if (signal?.aborted) throw new FwctlError('cancelled', 'Cancelled; the host was not touched.')
}

/**
 * Commit-confirm: a change that is taken back unless somebody says in time that it is good.
 *
 * Goals, and how each is met:
 * 1. There is no moment without a way back. The record and the watchdog are there before the first
 *    restore (`armConfirm`); if they can not be, nothing is changed.
 * 2. The time given is time to confirm: it counts anew once the change is in place (`startCountdown`).
 * 3. One decision. Confirming, rolling back and the watchdog all change `pending.json` under the lock
 *    of the state directory, and each looks again once it has it.
 * 4. Unconfirmed is not remembered: `applied.json`, which boot and drift go by, is written when the
 *    change is confirmed. After a restart the rules before it come up.
 * 5. A watchdog that was killed is made up for: whoever comes next finds the change overdue, and
 *    rolls it back first.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { FwctlError } from '../base/error.ts'
import type { Names } from '../extensions/names.ts'
import { printSave } from '../iptables/save.ts'
import type { ForeignPatterns } from '../policy/policy.ts'
import type { AppliedRecord } from './applied.ts'
import { type BootTime, readBootTime } from './boot-clock.ts'
import { commandsToLoad, sayHowToLoad } from './by-hand.ts'
import { goWayBack, pendingHost } from './confirm-way-back.ts'
import type { Edit, Host } from './edit.ts'
import { isUndo, undoPath, undoScript } from './far-undo.ts'
import type { JournalSets } from './journal.ts'
import { kernelIdentity } from './kernel-identity.ts'
import { type Live, readLive } from './live.ts'
import { takeLock } from './lock.ts'
import type { Namespace } from './netns-executor.ts'
import { isOverdue, type PendingChange, readPending, writePending } from './pending.ts'
import { recover } from './recover.ts'
import { finishConfirmed, settleConfirmed, settleRolledBack } from './settle.ts'
import { readSnapshot } from './snapshots.ts'
import type { StateDir } from './state-dir.ts'
import { startWatchdog, stopWatchdog } from './watchdog.ts'

/** That a change has to be confirmed. */
export interface ConfirmRequest {
  readonly withinSeconds: number
  /** Where the host's executor works, for a watchdog that has to get there by itself. */
  readonly namespace?: Namespace | undefined
}

/** Writes down the change that is about to be made, and starts its watchdog. */
export async function armConfirm(input: {
  readonly confirm: ConfirmRequest
  readonly stateDir: StateDir
  readonly edits: readonly Edit[]
  readonly sets?: JournalSets
  readonly snapshot: string
  readonly applied: AppliedRecord
  readonly foreign: ForeignPatterns
  readonly kernel: string
  readonly names?: Names
}): Promise<PendingChange> {
  const { confirm, stateDir, applied } = input
  const { withinSeconds, namespace } = confirm
  const pending: PendingChange = {
    formatVersion: 1,
    token: randomBytes(4).toString('hex'),
    state: 'pending',
    createdAt: new Date().toISOString(),
    user: applied.user,
    reason: applied.reason,
    ...(applied.policyDigest === undefined ? {} : { policyDigest: applied.policyDigest }),
    kernel: input.kernel,
    ...(namespace === undefined ? {} : { namespace }),
    snapshot: input.snapshot,
    families: input.edits.map(({ family, tools, touched, target }) => ({
      family,
      tools,
      touched,
      after: printSave(target),
    })),
    ...(input.sets && { sets: input.sets }),
    foreign: input.foreign,
    withinSeconds,
    ...(await timesFrom(stateDir, withinSeconds)),
    applied,
  }
  await writeUndo(input, pending)
  await removeOldUndos(stateDir, pending.token)
  await writePending(stateDir, pending)
  try {
    const { token } = pending
    return { ...pending, watchdog: await startWatchdog({ stateDir, token, withinSeconds }) }
  } catch (error) {
    await settleRolledBack(stateDir, pending, 'its watchdog did not start; nothing was changed')
    throw error
  }
}

/** What a watchdog that is not this program goes by; written before what it is to be used for. */
async function writeUndo(
  { stateDir, names }: { readonly stateDir: StateDir; readonly names?: Names },
  pending: PendingChange,
  live?: Live,
): Promise<void> {
  const { machine } = stateDir
  if (machine.isHere) return
  const snapshot = await readSnapshot(stateDir, pending.snapshot)
  const text = undoScript(pending, snapshot, { live, ...(names ? { names } : {}) })
  await machine.files.write(undoPath(stateDir, pending.token), text)
}

/** Those of watchdogs that were killed: only one change waits at a time. */
async function removeOldUndos({ machine, path }: StateDir, token: string): Promise<void> {
  if (machine.isHere) return
  const names = (await machine.files.list(path)).map((name) => join(path, name))
  const old = names.filter((one) => isUndo(one) && one !== undoPath({ path }, token))
  for (const one of old) await machine.files.remove(one)
}

/** The change is in place: from now on there is as much time to confirm it as was asked for. */
export async function startCountdown(
  host: Pick<Host, 'executor' | 'names'> & { readonly stateDir: StateDir },
  armed: PendingChange,
): Promise<PendingChange> {
  const { stateDir } = host
  const pending = { ...armed, ...(await timesFrom(stateDir, armed.withinSeconds)) }
  if (!stateDir.machine.isHere) {
    const families = pending.families.map((one) => one.family)
    const { executor, names } = host
    const reading = names === undefined ? {} : { names }
    const live = await readLive(executor, pendingHost(pending, executor).backend, {
      families,
      ...reading,
    })
    await writeUndo({ stateDir, ...reading }, pending, live)
  }
  await writePending(stateDir, pending)
  return pending
}

/** The change was not made after all, or has been taken back. */
export async function disarmConfirm(
  stateDir: StateDir,
  armed: PendingChange,
  why: string,
): Promise<void> {
  await settleRolledBack(stateDir, armed, why)
  await stopWatchdog(stateDir, armed.watchdog)
}

/**
 * Makes sure that no other change waits for its confirmation, and returns the one that this run ends.
 * The caller holds the lock. Throws FwctlError `refused`.
 */
export async function requireNothingPending(
  host: Host,
  stateDir: StateDir,
  ends: string | undefined,
): Promise<PendingChange | undefined> {
  const found = await readCurrent(host, stateDir)
  if (found?.state === 'pending' && found.token === ends) return found
  if (ends !== undefined) {
    throw new FwctlError(
      'refused',
      `The change ${ends} is no longer pending: ${whatBecame(found)}. Nothing was changed.`,
    )
  }
  if (found?.state !== 'pending') return undefined
  if (isLongOverdue(found, await readBootTime(stateDir.machine))) {
    await rollBackNow(host, stateDir, found)
    throw new FwctlError(
      'refused',
      `The change of ${found.createdAt} (${found.reason}) was never confirmed, and its watchdog is ` +
        'gone. It has been rolled back now. Look at the plan again.',
      { details: { token: found.token } },
    )
  }
  throw new FwctlError(
    'refused',
    `The change of ${found.createdAt} by ${found.user} (${found.reason}) waits for its confirmation ` +
      `until ${found.deadline}. Confirm it (fwctl confirm ${found.token}) or take it back ` +
      '(fwctl rollback) first. Nothing was changed.',
    { details: { token: found.token, deadline: found.deadline } },
  )
}

export type ConfirmOutcome =
  | {
      readonly kind: 'confirmed' | 'already-confirmed' | 'too-late'
      readonly change: PendingChange
    }
  | { readonly kind: 'nothing-pending' }

/**
 * Confirms the pending change; without a token whichever it is. Throws FwctlError `refused` for the
 * token of another, `lock-busy`, and `rollback-incomplete` when its time is up and it could not be
 * rolled back.
 */
export async function confirmPending(
  host: Pick<Host, 'executor' | 'names'>,
  stateDir: StateDir,
  input: { readonly token?: string | undefined; readonly by: string; readonly lockWaitMs: number },
): Promise<ConfirmOutcome> {
  const lock = await takeLock(stateDir.machine, stateDir.lock, { waitMs: input.lockWaitMs })
  try {
    // What was cut short half-way is not there, so that nobody can have seen that it is good.
    await recover(host, stateDir)
    const found = await readCurrent(host, stateDir)
    if (found === undefined) return { kind: 'nothing-pending' }
    if (input.token !== undefined && input.token !== found.token) {
      throw new FwctlError(
        'refused',
        `${input.token} is not the token of the last change${
          found.state === 'pending' ? ' that waits for its confirmation' : ''
        }. Nothing was confirmed.`,
      )
    }
    if (found.state === 'confirmed') return { kind: 'already-confirmed', change: found }
    if (found.state === 'rolled-back') return { kind: 'too-late', change: found }
    if (isOverdue(found, await readBootTime(stateDir.machine))) {
      await rollBackNow(host, stateDir, found)
      return { kind: 'too-late', change: (await readPending(stateDir)) ?? found }
    }
    await settleConfirmed(stateDir, found, input.by)
    await stopWatchdog(stateDir, found.watchdog)
    return { kind: 'confirmed', change: found }
  } finally {
    await lock.release()
  }
}

/** The last change, after what was left undone about it has been done. */
async function readCurrent(
  host: Pick<Host, 'executor'>,
  stateDir: StateDir,
): Promise<PendingChange | undefined> {
  const found = await readPending(stateDir)
  if (found === undefined) return undefined
  await finishConfirmed(stateDir, found)
  if (found.state !== 'pending' || found.kernel === (await kernelIdentity(host.executor))) {
    return found
  }
  await settleRolledBack(stateDir, found, 'the host was restarted before it was confirmed')
  return readPending(stateDir)
}

/** The caller holds the lock. */
async function rollBackNow(
  { executor, names }: Pick<Host, 'executor' | 'names'>,
  stateDir: StateDir,
  pending: PendingChange,
): Promise<void> {
  const snapshot = await readSnapshot(stateDir, pending.snapshot)
  const outcome = await goWayBack(pendingHost(pending, executor, names), pending, snapshot)
  if (outcome.kind === 'failed') {
    const commands = commandsToLoad(executor, stateDir, {
      snapshot: pending.snapshot,
      families: pending.families,
      sets: pending.sets !== undefined,
    })
    throw new FwctlError(
      'rollback-incomplete',
      `The change of ${pending.createdAt} was not confirmed in time, and rolling it back failed: ` +
        `${outcome.reason}. ${sayHowToLoad(executor, commands)}`,
      { details: { token: pending.token, snapshot: pending.snapshot, commands } },
    )
  }
  const loss = outcome.kind === 'exact' ? '' : '; whole tables were loaded from the snapshot'
  await settleRolledBack(stateDir, pending, `nobody confirmed it in time${loss}`)
  await stopWatchdog(stateDir, pending.watchdog)
}

/** In words, for messages. */
export function whatBecame(change: PendingChange | undefined): string {
  if (change === undefined) return 'there is none'
  const { state, endedAt, outcome } = change
  if (state === 'pending') return `it waits for its confirmation until ${change.deadline}`
  return `it was ${state === 'confirmed' ? 'confirmed' : 'rolled back'} at ${endedAt} (${outcome})`
}

async function timesFrom(
  stateDir: StateDir,
  withinSeconds: number,
): Promise<Pick<PendingChange, 'deadline' | 'due'>> {
  const { bootId, seconds } = await readBootTime(stateDir.machine)
  return {
    deadline: new Date(Date.now() + withinSeconds * 1000).toISOString(),
    due: { bootId, seconds: seconds + withinSeconds },
  }
}

/** The watchdog gets its chance first. */
const WATCHDOG_GRACE_SECONDS = 5

function isLongOverdue(pending: PendingChange, now: BootTime): boolean {
  return isOverdue(pending, { ...now, seconds: now.seconds - WATCHDOG_GRACE_SECONDS })
}

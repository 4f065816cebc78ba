/**
 * The watchdog program: `node watchdog.mjs STATE_DIR TOKEN`, see watchdog.ts.
 *
 * It holds all that it needs in memory from the start: the change, the snapshot, its own code. Only an
 * explicit word in `pending.json` (confirmed, rolled back, another token) stands it down. A file that
 * is gone or damaged does not: whoever removed the state directory has not confirmed anything.
 *
 * Time is what /proc/uptime says. A wall clock that is set neither shortens nor prolongs it, and time
 * spent suspended counts.
 */
import { stat, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { BUILTIN_NAMES } from '../extensions/builtin-names.ts'
import { writeAtomically } from './atomic-file.ts'
import { readBootTime } from './boot-clock.ts'
import { goWayBack, pendingHost, type WayBackOutcome } from './confirm-way-back.ts'
import { closeJournal, readJournal } from './journal.ts'
import { kernelIdentity } from './kernel-identity.ts'
import { localExecutor } from './local-executor.ts'
import { type Lock, takeLock } from './lock.ts'
import { readNames } from './names.ts'
import { netnsExecutor } from './netns-executor.ts'
import { isOverdue, type PendingChange, pendingPath, readPending } from './pending.ts'
import { settleRolledBack } from './settle.ts'
import { readSnapshot, type Snapshot } from './snapshots.ts'
import { type StateDir, stateDirPaths } from './state-dir.ts'
import { readyPath } from './watchdog.ts'

const POLL_MS = 250
/** Longer than any apply holds it; a fwctl that was stopped (SIGSTOP) holds it for ever. */
const LOCK_WAIT_MS = 30_000
/** Between the attempts, in seconds; the last one again and again, for about an hour. */
const RETRY_SECONDS = [1, 2, 5, 10, 30]
const MAX_ATTEMPTS = 120

async function main(): Promise<void> {
  const [path = '', token = ''] = process.argv.slice(2)
  // The terminal that the parent had is none of its business.
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGPIPE'] as const) process.on(signal, () => undefined)
  // Out of memory is exactly when somebody needs the way back. Without the right to, it goes on.
  await writeFile('/proc/self/oom_score_adj', '-1000').catch(() => undefined)
  const stateDir = stateDirPaths(path, {})
  const pending = await readPending(stateDir)
  if (pending === undefined || pending.token !== token) return
  const snapshot = await readSnapshot(stateDir, pending.snapshot)
  await writeAtomically(readyPath(stateDir), `${token} ${process.pid}\n`)
  const overdue = await waitUntilDue(stateDir, pending)
  if (overdue !== undefined) await rollBack(stateDir, overdue, snapshot)
}

/** What is still pending when its time is up; undefined when nothing is left to do. */
async function waitUntilDue(
  stateDir: StateDir,
  armed: PendingChange,
): Promise<PendingChange | undefined> {
  let known = armed
  let seen = ''
  for (;;) {
    const version = await fileVersion(pendingPath(stateDir))
    if (version !== seen) known = (await readPending(stateDir).catch(() => undefined)) ?? known
    seen = version
    if (known.token !== armed.token || known.state !== 'pending') return undefined
    if (isOverdue(known, await readBootTime(stateDir.machine))) return known
    await sleep(POLL_MS)
  }
}

/** Another one after each write; a record can be long, and is not read four times a second for nothing. */
async function fileVersion(path: string): Promise<string> {
  return stat(path, { bigint: true }).then(
    ({ ino, mtimeNs, size }) => `${ino} ${mtimeNs} ${size}`,
    () => '',
  )
}

async function rollBack(
  stateDir: StateDir,
  pending: PendingChange,
  snapshot: Snapshot,
): Promise<void> {
  const local = localExecutor()
  const { namespace } = pending
  const executor = namespace === undefined ? local : netnsExecutor(local, namespace)
  const names = await readNames(executor, BUILTIN_NAMES).catch(() => BUILTIN_NAMES)
  const host = pendingHost(pending, executor, names)
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const lock = await lockAnyway(stateDir)
    try {
      // Confirmed, or extended, while it waited for the lock.
      const still = await waitUntilDue(stateDir, pending)
      if (still === undefined) return
      const kernel = await kernelIdentity(executor).catch(() => undefined)
      if (kernel !== pending.kernel) {
        if (kernel === undefined && attempt < 2) continue
        // The namespace is gone, and the rules with it.
        return await record(stateDir, still, 'the network namespace is gone')
      }
      const outcome = await goWayBack(host, still, snapshot)
      if (outcome.kind !== 'failed') return await record(stateDir, still, sentence(outcome))
      process.stderr.write(`fwctl: rolling back failed: ${outcome.reason}\n`)
    } finally {
      await lock?.release()
    }
    await sleep(1000 * (RETRY_SECONDS[attempt] ?? RETRY_SECONDS.at(-1) ?? 30))
  }
}

/**
 * On a full disk this fails; then the next fwctl finds the change overdue, goes back once more (which
 * changes nothing) and records it. Never again from here: others may have their say by now.
 */
async function record(stateDir: StateDir, pending: PendingChange, why: string): Promise<void> {
  await settleRolledBack(stateDir, pending, why)
  // fwctl may have been killed while it applied the change; nothing of it is left to be finished.
  const journal = await readJournal(stateDir)
  if (journal?.confirm?.token === pending.token) await closeJournal(stateDir)
}

/** A lock that can not be had must not keep the host locked out. */
async function lockAnyway(stateDir: StateDir): Promise<Lock | undefined> {
  return takeLock(stateDir.machine, stateDir.lock, { waitMs: LOCK_WAIT_MS }).catch(() => undefined)
}

function sentence(outcome: Exclude<WayBackOutcome, { readonly kind: 'failed' }>): string {
  if (outcome.kind === 'exact') return 'nobody confirmed it in time'
  return (
    'nobody confirmed it in time; whole tables were loaded from the snapshot, because taking back ' +
    `the change alone failed: ${outcome.reason}`
  )
}

await main()

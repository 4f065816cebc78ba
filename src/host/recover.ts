import { FwctlError } from '../base/error.ts'
import { touchedDigest } from '../plan/touched.ts'
import { writeApplied } from './applied.ts'
import { journalTarget, snapshotTarget, targetNames } from './apply-sets.ts'
import { freezeTables, goBack, type Host, type WayBack } from './commit.ts'
import { closeJournal, type Journal, readJournal } from './journal.ts'
import { kernelIdentity } from './kernel-identity.ts'
import { type Live, parseLive, readLive } from './live.ts'
import { readPending } from './pending.ts'
import { planSetsEdit, readSets, removeLeftovers, type SetsTarget } from './sets.ts'
import { settleRolledBack } from './settle.ts'
import { readSnapshot } from './snapshots.ts'
import type { StateDir } from './state-dir.ts'

/** What became of an apply that was cut short (by SIGKILL, a power cut, a full disk). */
export type Recovery =
  | { readonly kind: 'nothing-open' }
  /** The kernel was not changed yet, or is no longer the one that was being changed. */
  | { readonly kind: 'dropped'; readonly message: string }
  /** All of it had been done; only the record was missing. */
  | { readonly kind: 'completed'; readonly message: string }
  /** Half of it had been done; the host is as it was before. */
  | { readonly kind: 'undone'; readonly message: string }

/**
 * Finishes or undoes what a killed fwctl left half done. The caller holds the lock of the state
 * directory. Throws FwctlError `rollback-incomplete` when the way back fails.
 */
export async function recover(host: Host, stateDir: StateDir): Promise<Recovery> {
  const journal = await readJournal(stateDir)
  if (journal === undefined) return { kind: 'nothing-open' }
  const began = `An apply that began at ${journal.startedAt} was cut short`
  if (journal.kernel !== (await kernelIdentity(host.executor))) {
    await closeJournal(stateDir)
    return {
      kind: 'dropped',
      message: `${began}; the host has since been restarted, so nothing of it is left.`,
    }
  }
  const families = journal.families.map((one) => one.family)
  const live = await readLive(host.executor, host.backend, {
    families,
    ...(host.names ? { names: host.names } : {}),
  })
  const sets = await openSets(host, stateDir, journal)
  if (isAt(journal, live, 'before') && (sets?.isBefore ?? true)) {
    await settlePending(stateDir, journal, 'arms')
    await closeJournal(stateDir)
    return { kind: 'dropped', message: `${began} before it changed anything.` }
  }
  if (isAt(journal, live, 'after') && (sets?.isAfter ?? true)) {
    if (journal.confirm === undefined && !journal.unrecorded)
      await writeApplied(stateDir, journal.applied)
    await settlePending(stateDir, journal, 'ends')
    await closeJournal(stateDir)
    return { kind: 'completed', message: `${began} when all was done; it has been recorded now.` }
  }
  await undoJournal(host, stateDir, { journal, sets: sets?.before })
  await settlePending(stateDir, journal, 'arms')
  await closeJournal(stateDir)
  return {
    kind: 'undone',
    message: `${began} half-way; it has been undone, and the host is as it was before.`,
  }
}

function isAt(journal: Journal, live: Live, side: 'before' | 'after'): boolean {
  return journal.families.every((one) => {
    const ruleset = live[one.family]?.ruleset
    return ruleset !== undefined && touchedDigest(ruleset, one.touched) === one[side]
  })
}

interface OpenSets {
  readonly isBefore: boolean
  readonly isAfter: boolean
  /** The way back. */
  readonly before: SetsTarget
}

/** How far an apply that was cut short has got with its sets; what it was filling is cleared away. */
async function openSets(
  { executor }: Host,
  stateDir: StateDir,
  { sets, snapshot }: Journal,
): Promise<OpenSets | undefined> {
  if (sets === undefined) return undefined
  const before = snapshotTarget(await readSnapshot(stateDir, snapshot), sets.touched)
  const after = journalTarget(sets)
  const live = await readSets(executor, [...targetNames(before), ...targetNames(after)])
  await removeLeftovers(executor, live)
  return {
    isBefore: planSetsEdit(live, before) === undefined,
    isAfter: planSetsEdit(live, after) === undefined,
    before,
  }
}

async function undoJournal(
  host: Host,
  stateDir: StateDir,
  { journal, sets }: { readonly journal: Journal; readonly sets: SetsTarget | undefined },
): Promise<void> {
  const snapshot = await readSnapshot(stateDir, journal.snapshot)
  const ways = journal.families.map(({ family, touched }): WayBack => {
    const saved = snapshot.meta.families[family]
    const dialect = saved && { family, backend: saved.backend, version: saved.version }
    if (dialect === undefined) throw incomplete(stateDir, journal, `it has no ${family} rules`)
    const dump = parseLive(snapshot.dumps[family] ?? '', {
      family,
      dialect,
      file: journal.snapshot,
      ...(host.names ? { names: host.names } : {}),
    })
    return { family, touched, before: dump.ruleset }
  })
  const families = ways.map((way) => way.family)
  const freeze = await freezeTables(host, families, undefined)
  try {
    const failure = await goBack(host, { ways, foreign: journal.foreign, freeze, sets })
    if (failure !== undefined) throw incomplete(stateDir, journal, failure)
  } finally {
    await freeze.thaw()
  }
}

/** A change that had to be confirmed, and that is no longer there: nobody has to wait for it. */
async function settlePending(
  stateDir: StateDir,
  { confirm }: Journal,
  role: 'arms' | 'ends',
): Promise<void> {
  if (confirm?.role !== role) return
  const pending = await readPending(stateDir)
  if (pending?.token !== confirm.token || pending.state !== 'pending') return
  await settleRolledBack(stateDir, pending, 'what was cut short has been taken back')
}

function incomplete(stateDir: StateDir, journal: Journal, why: string): FwctlError {
  return new FwctlError(
    'rollback-incomplete',
    `The apply that began at ${journal.startedAt} was cut short half-way, and going back to ` +
      `snapshot ${journal.snapshot} failed: ${why}. The rules before it are in ` +
      `${stateDir.snapshots}/${journal.snapshot}.`,
    { details: { snapshot: journal.snapshot, why } },
  )
}

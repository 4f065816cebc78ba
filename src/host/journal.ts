import { basename, join } from 'node:path'
import { FwctlError } from '../base/error.ts'
import type { SavedSet } from '../plan/saved-sets.ts'
import type { TouchedChain } from '../plan/touched.ts'
import type { ForeignPatterns } from '../policy/policy.ts'
import type { Family } from '../ruleset/model.ts'
import { type AppliedRecord, readStaged } from './applied.ts'
import type { FamilyTools } from './backend.ts'
import type { Staged } from './host-files.ts'
import { readSealed, sealedText, writeSealed } from './private-file.ts'
import type { StateDir } from './state-dir.ts'

/**
 * What apply is in the middle of. It is written before the first restore and removed after the last
 * check, so when there is one, fwctl was killed in between.
 */
export interface Journal {
  /** 2: the record is in a file of its own. */
  readonly formatVersion: 1 | 2
  readonly startedAt: string
  /** Of the kernel that was being changed: after a reboot the journal is void. */
  readonly kernel: string
  /** The way back. */
  readonly snapshot: string
  readonly families: readonly JournalFamily[]
  /** The sets that are being changed; what they were is in the snapshot. */
  readonly sets?: JournalSets
  readonly foreign: ForeignPatterns
  /** What is to be recorded if all of it turns out to be done. */
  readonly applied: AppliedRecord | WrittenRecord
  /** Nothing is to be recorded: what was recorded last is what the host is held to. */
  readonly unrecorded?: true
  /** The change has to be confirmed, or takes back one that had to be; neither is recorded. */
  readonly confirm?: { readonly token: string; readonly role: 'arms' | 'ends' }
}

/** A record that is on the disk already, under a name that it has until all is done. */
interface WrittenRecord {
  /** In the state directory. */
  readonly file: string
  /** What it is sealed with. */
  readonly seal: string
}

export interface JournalFamily {
  readonly family: Family
  /** Of the back end that is being changed. */
  readonly tools: FamilyTools
  /** What they were is in the snapshot, what they become in `applied`. */
  readonly touched: readonly TouchedChain[]
}

export interface JournalSets {
  /** All of them by name, also those that come and those that go. */
  readonly touched: readonly string[]
  readonly goals: readonly SavedSet[]
  readonly removals: readonly string[]
}

export async function openJournal(stateDir: StateDir, journal: Journal): Promise<void> {
  await writeSealed(stateDir.machine, stateDir.journal, journal)
}

/** The same in two steps. */
export async function stageJournal(stateDir: StateDir, journal: Journal): Promise<Staged> {
  return stateDir.machine.files.stage(stateDir.journal, sealedText(journal))
}

export async function closeJournal(stateDir: StateDir): Promise<void> {
  await stateDir.machine.files.remove(stateDir.journal)
}

/** The open journal, if fwctl left one. Throws FwctlError `untrusted-file` when it is no journal. */
export async function readJournal(stateDir: StateDir): Promise<Journal | undefined> {
  const value = await readSealed(stateDir.machine, stateDir.journal).catch((cause: unknown) => {
    throw unusable(stateDir, cause)
  })
  if (value === undefined) return undefined
  // The seal holds, so it is as some fwctl wrote it; only not necessarily this one.
  const isKnown = value.formatVersion === 1 || value.formatVersion === 2
  if (!isKnown || !Array.isArray(value.families)) throw unusable(stateDir)
  return value as unknown as Journal
}

/** What was to be recorded; undefined when it is not there any more. */
export async function readRecordOf(
  stateDir: StateDir,
  { applied }: Journal,
): Promise<AppliedRecord | undefined> {
  if (!('seal' in applied)) return applied
  const path = join(stateDir.path, basename(applied.file))
  return readStaged(stateDir, { path, seal: applied.seal }).catch(() => undefined)
}

function unusable({ journal }: StateDir, cause?: unknown): FwctlError {
  return new FwctlError(
    'untrusted-file',
    `${journal} is not a journal that this fwctl can rely on, so it is not known whether an apply was ` +
      'cut short. Compare the host with its last snapshot (fwctl snapshots diff), then remove the file.',
    { cause, details: { path: journal } },
  )
}

/**
 * The change that waits for its confirmation, as `pending.json` in the state directory.
 *
 * The file is never removed: what became of the last such change is what a late `confirm` is told.
 * Its `state` is the one point of decision, and only changed under the lock of the state directory.
 */
import { join } from 'node:path'
import { FwctlError } from '../base/error.ts'
import type { TouchedChain } from '../plan/touched.ts'
import type { Family } from '../ruleset/model.ts'
import type { AppliedRecord } from './applied.ts'
import type { FamilyTools } from './backend.ts'
import type { BootTime } from './boot-clock.ts'
import type { Journal, JournalSets } from './journal.ts'
import type { Namespace } from './netns-executor.ts'
import { readSealed, writeSealed } from './private-file.ts'
import type { StateDir } from './state-dir.ts'

/** `failed`: it should have been rolled back, and could not be. */
export type PendingState = 'pending' | 'confirmed' | 'rolled-back' | 'failed'

export interface PendingChange {
  readonly formatVersion: 1
  /** What confirms it. */
  readonly token: string
  readonly state: PendingState
  /** ISO 8601, like all times here. */
  readonly createdAt: string
  readonly user: string
  readonly reason: string
  readonly policyDigest?: string
  /** The network namespace that was changed, and of which boot: `kernelIdentity`. */
  readonly kernel: string
  /** How the watchdog gets there; absent: its own. */
  readonly namespace?: Namespace
  /** The state before. */
  readonly snapshot: string
  readonly families: readonly PendingFamily[]
  /** The sets that were changed with it; what they were is in the snapshot. */
  readonly sets?: JournalSets
  /** The policy's own patterns of foreign chains. */
  readonly foreign: Journal['foreign']
  readonly withinSeconds: number
  /** For people; what counts is `due`. */
  readonly deadline: string
  readonly due: BootTime
  readonly watchdog?: Watchdog
  /** What confirming it records; gone once that is done. */
  readonly applied?: AppliedRecord
  readonly endedAt?: string
  /** What became of it, in a sentence. */
  readonly outcome?: string
}

export interface PendingFamily {
  readonly family: Family
  readonly tools: FamilyTools
  readonly touched: readonly TouchedChain[]
  /** What the change left, as iptables-restore reads it. */
  readonly after: string
}

/** What rolls back when nobody confirms. */
export type Watchdog =
  | { readonly kind: 'timer'; readonly unit: string }
  | { readonly kind: 'process'; readonly pid: number }

export function pendingPath(stateDir: Pick<StateDir, 'path'>): string {
  return join(stateDir.path, 'pending.json')
}

/** The last change that had to be confirmed. Throws FwctlError `untrusted-file`. */
export async function readPending(
  stateDir: Pick<StateDir, 'path' | 'machine'>,
): Promise<PendingChange | undefined> {
  const path = pendingPath(stateDir)
  const value = await readSealed(stateDir.machine, path)
  if (value === undefined) return undefined
  if (value.formatVersion === 1 && typeof value.token === 'string') {
    // Its digest says that this is what fwctl wrote.
    return value as unknown as PendingChange
  }
  throw new FwctlError(
    'untrusted-file',
    `${path} is not a record that this fwctl can read. Nothing was changed.`,
    { details: { path } },
  )
}

export async function writePending(stateDir: StateDir, pending: PendingChange): Promise<void> {
  await writeSealed(stateDir.machine, pendingPath(stateDir), pending)
}

/** Whether its time is over, or its boot. */
export function isOverdue({ due }: PendingChange, now: BootTime): boolean {
  return due.bootId !== now.bootId || now.seconds >= due.seconds
}

/** The ends that a change which has to be confirmed can come to. */
import type { AppliedRecord } from './applied.ts'
import { writeApplied } from './applied.ts'
import { type PendingChange, writePending } from './pending.ts'
import type { StateDir } from './state-dir.ts'

/** It has been rolled back, and this is why. */
export async function settleRolledBack(
  stateDir: StateDir,
  pending: PendingChange,
  why: string,
): Promise<void> {
  await end(stateDir, pending, { state: 'rolled-back', outcome: why })
}

/** From now on it is what the host is held to, also after a restart. */
export async function settleConfirmed(
  stateDir: StateDir,
  pending: PendingChange,
  by: string,
): Promise<void> {
  const { applied } = pending
  // In this order: once the word is in pending.json, the watchdog stands down. Cut short before the
  // record is written, the next run finishes it (`finishConfirmed`).
  await end(stateDir, pending, { state: 'confirmed', outcome: by, ...(applied && { applied }) })
  await finishConfirmed(stateDir, { ...pending, state: 'confirmed', outcome: by })
}

/** Writes the record of a confirmed change that was cut short. */
export async function finishConfirmed(stateDir: StateDir, pending: PendingChange): Promise<void> {
  if (pending.state !== 'confirmed' || pending.applied === undefined) return
  await writeApplied(stateDir, pending.applied)
  await end(stateDir, pending, { state: 'confirmed', outcome: pending.outcome ?? '' })
}

interface End {
  readonly state: PendingChange['state']
  readonly outcome: string
  readonly applied?: AppliedRecord
}

async function end(stateDir: StateDir, pending: PendingChange, how: End): Promise<void> {
  const { applied: _, ...rest } = pending
  const endedAt = pending.endedAt ?? new Date().toISOString()
  await writePending(stateDir, { ...rest, ...how, endedAt })
}

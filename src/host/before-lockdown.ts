/**
 * What was applied before a lockdown. Its rules are still in the kernel then, out of reach, but the
 * record of the last apply is that of the lockdown: `clear` has to know of both.
 */
import { join } from 'node:path'
import { type AppliedRecord, readApplied, writeApplied } from './applied.ts'
import type { StateDir } from './state-dir.ts'

/** Keeps the record that is about to be replaced; of two lockdowns in a row, that before the first. */
export async function keepBeforeLockdown(stateDir: StateDir): Promise<void> {
  const record = await readApplied(stateDir)
  if (record === undefined || isLockdown(record)) return
  await writeApplied({ ...stateDir, applied: pathOf(stateDir) }, record)
}

/** The record of a lockdown that is on, and of what was applied before; else of the last apply alone. */
export async function readOwned(stateDir: StateDir): Promise<readonly AppliedRecord[]> {
  const record = await readApplied(stateDir)
  if (record === undefined) return []
  if (!isLockdown(record)) return [record]
  const before = await readApplied({ ...stateDir, applied: pathOf(stateDir) })
  return before === undefined ? [record] : [record, before]
}

/** A record in this mode that no policy has made. */
function isLockdown({ ownership, policyDigest }: AppliedRecord): boolean {
  return ownership.mode === 'hooks' && policyDigest === undefined
}

function pathOf(stateDir: StateDir): string {
  return join(stateDir.path, 'before-lockdown.json')
}

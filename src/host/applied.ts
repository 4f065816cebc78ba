import { readFile } from 'node:fs/promises'
import { FwctlError } from '../base/error.ts'
import type { ExpiringRule } from '../plan/hold.ts'
import type { SavedSet } from '../plan/saved-sets.ts'
import type { Ownership } from '../policy/policy.ts'
import type { Backend, Family } from '../ruleset/model.ts'
import { writeAtomically } from './atomic-file.ts'
import { decodeText } from './lossless-text.ts'
import type { StateDir } from './state-dir.ts'

/** What fwctl last made of this host: drift is what differs from it. */
export interface AppliedRecord {
  readonly formatVersion: 1
  readonly appliedAt: string
  readonly user: string
  readonly reason: string
  readonly policyDigest?: string
  /** The state before it; absent when nothing had to change. */
  readonly snapshot?: string
  readonly ownership: Ownership
  readonly families: Readonly<Partial<Record<Family, AppliedFamily>>>
  readonly sets?: AppliedSets
}

export interface AppliedSets {
  /** Sets that fwctl made here: those that nobody declares any more go. */
  readonly made: readonly string[]
  /** What the policy declared. */
  readonly goals: readonly SavedSet[]
}

export interface AppliedFamily {
  /** What was in use: where nothing else is said, it is used again. */
  readonly backend?: Backend
  /** Of the whole target, without counters (`rulesetDigest`). */
  readonly digest: string
  /** The target as iptables-restore reads it. */
  readonly rules: string
  /** What the policy declared of it, in the same form; absent when there was no policy. */
  readonly desired?: string
  /** Of its rules, those that go by themselves. */
  readonly expires?: readonly ExpiringRule[]
}

export async function writeApplied(stateDir: StateDir, record: AppliedRecord): Promise<void> {
  await writeAtomically(stateDir.applied, `${JSON.stringify(record, undefined, 2)}\n`)
}

/** The record, absent before the first apply. Throws FwctlError `untrusted-file` when it is none. */
export async function readApplied(
  stateDir: Pick<StateDir, 'applied'>,
): Promise<AppliedRecord | undefined> {
  let text: string
  try {
    text = decodeText(await readFile(stateDir.applied))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  try {
    const record: AppliedRecord = JSON.parse(text)
    const isRecord = record.formatVersion === 1 && typeof record.families === 'object'
    if (isRecord && typeof record.ownership === 'object') return record
  } catch {
    // said below
  }
  throw new FwctlError(
    'untrusted-file',
    `${stateDir.applied} is not a record that this fwctl can read. Remove it; the next apply writes it anew.`,
    { details: { path: stateDir.applied } },
  )
}

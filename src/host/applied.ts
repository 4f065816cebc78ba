import { readFile } from 'node:fs/promises'
import { FwctlError } from '../base/error.ts'
import type { ExpiringRule } from '../plan/hold.ts'
import type { SavedSet } from '../plan/saved-sets.ts'
import type { Ownership } from '../policy/policy.ts'
import type { Backend, Family, TableName } from '../ruleset/model.ts'
import type { Staged } from './host-files.ts'
import { decodeText } from './lossless-text.ts'
import { checksumOf, readPrivate, readSealed, sealed, unsealed } from './private-file.ts'
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
  /** The target as iptables-restore reads it, without counters. */
  readonly rules: string
  /** What the policy declared of it, in the same form; absent when there was no policy. */
  readonly desired?: string
  /** Of its rules, those that go by themselves. */
  readonly expires?: readonly ExpiringRule[]
  /** The chains that had no rules but such as iptables-save shows as they are; see plain-chains.ts. */
  readonly plain?: ChainNames
}

export type ChainNames = Readonly<Partial<Record<TableName, readonly string[]>>>

export async function writeApplied(
  stateDir: Pick<StateDir, 'applied' | 'machine'>,
  record: AppliedRecord,
): Promise<void> {
  await stateDir.machine.files.write(stateDir.applied, sealedRecord(record).text)
}

/** A record that has not got its name yet. */
export interface StagedRecord extends Staged {
  /** What it is sealed with. */
  readonly seal: string
}

export async function stageApplied(
  { applied, machine }: Pick<StateDir, 'applied' | 'machine'>,
  record: AppliedRecord,
): Promise<StagedRecord> {
  const { text, seal } = sealedRecord(record)
  return { ...(await machine.files.stage(applied, text)), seal }
}

function sealedRecord(record: AppliedRecord): ReturnType<typeof sealed> {
  return sealed(packed(record), checksumOf)
}

/** As it is written: what is declared is the target mostly, but for one piece of it, and is not written twice. */
function packed(record: AppliedRecord): object {
  const families = Object.entries(record.families).map(([family, { desired, ...rest }]) => {
    if (desired === undefined) return [family, rest]
    const undeclared = pieceLeftOut(rest.rules, desired)
    return [family, undeclared ? { ...rest, undeclared } : { ...rest, desired }]
  })
  return { ...record, formatVersion: 2, families: Object.fromEntries(families) }
}

function unpacked(record: PackedRecord): AppliedRecord {
  const families = Object.entries(record.families).map(([family, { undeclared, ...rest }]) => {
    if (undeclared === undefined) return [family, rest]
    const [from, to] = undeclared
    return [family, { ...rest, desired: rest.rules.slice(0, from) + rest.rules.slice(to) }]
  })
  return { ...record, formatVersion: 1, families: Object.fromEntries(families) }
}

interface PackedRecord extends Omit<AppliedRecord, 'formatVersion' | 'families'> {
  /** 1: without `undeclared`. */
  readonly formatVersion: 1 | 2
  readonly families: Readonly<
    Partial<Record<Family, AppliedFamily & { readonly undeclared?: Piece }>>
  >
}

/** From one place of a text to another, in UTF-16 code units. */
type Piece = readonly [number, number]

/** The one piece that a text has and another one has not, such as chains that a policy does not name. */
function pieceLeftOut(text: string, other: string): Piece | undefined {
  // Halving finds where thousands of rules begin to differ in a few comparisons.
  let same = 0
  for (let end = other.length; same < end; ) {
    const middle = Math.ceil((same + end) / 2)
    if (text.startsWith(other.slice(same, middle), same)) same = middle
    else end = middle - 1
  }
  const to = text.length - (other.length - same)
  return to >= same && text.slice(to) === other.slice(same) ? [same, to] : undefined
}

/** One that has not got its name yet, or has got it meanwhile. Undefined: it is not there. */
export async function readStaged(
  { applied, machine }: Pick<StateDir, 'applied' | 'machine'>,
  { path, seal }: { readonly path: string; readonly seal: string },
): Promise<AppliedRecord | undefined> {
  for (const place of [path, applied]) {
    const text = await readPrivate(machine, place)
    if (text === undefined) continue
    const value = unsealed(text, place)
    if (JSON.parse(text).digest === seal) return asRecord(value, place)
  }
  return undefined
}

/** The record, absent before the first apply. Throws FwctlError `untrusted-file` when it is none. */
export async function readApplied({
  applied,
  machine,
}: Pick<StateDir, 'applied' | 'machine'>): Promise<AppliedRecord | undefined> {
  const value = await readSealed(machine, applied).catch((cause: unknown) => {
    throw untrusted(applied, cause)
  })
  return value === undefined ? undefined : asRecord(value, applied)
}

/** The same from a file that somebody has named, wherever it is from: a record, sealed or not. */
export async function readAppliedFile(path: string): Promise<AppliedRecord | undefined> {
  let value: unknown
  try {
    value = JSON.parse(decodeText(await readFile(path)))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw untrusted(path, error)
  }
  return asRecord(value, path)
}

function asRecord(value: unknown, path: string): AppliedRecord {
  const record = value as Partial<PackedRecord> | null
  const isRecord =
    (record?.formatVersion === 1 || record?.formatVersion === 2) &&
    typeof record.families === 'object' &&
    typeof record.ownership === 'object'
  if (!isRecord) throw untrusted(path)
  return unpacked(record as PackedRecord)
}

function untrusted(path: string, cause?: unknown): FwctlError {
  return new FwctlError(
    'untrusted-file',
    `${path} is not a record that this fwctl can rely on. Remove it; the next apply writes it anew.`,
    { cause, details: { path } },
  )
}

import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { FwctlError } from '../base/error.ts'
import type { SetContents } from '../ipset/set.ts'
import type { TouchedChain } from '../plan/touched.ts'
import type { Backend, Dialect, Family } from '../ruleset/model.ts'
import { FAMILIES, TABLES } from '../ruleset/model.ts'
import type { Staged } from './host-files.ts'
import type { Live } from './live.ts'
import { encodeText } from './lossless-text.ts'
import { readAllPrivate, sealedText, unsealed } from './private-file.ts'
import type { StateDir } from './state-dir.ts'

/** What is written down of one family. */
export interface SnapshotFamily {
  readonly backend: Backend
  readonly version: Dialect['version']
  /** Of the dump's bytes, with its counters. */
  readonly digest: string
}

export interface SnapshotMeta {
  readonly formatVersion: 1
  /** Sorts by time: `20261122T101500.123Z-ab12`. */
  readonly id: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
  readonly user: string
  readonly host: string
  /** Why it was taken, in the words of who applied. */
  readonly reason: string
  /** Of the policy that was about to be applied. */
  readonly policyDigest?: string
  readonly fwctlVersion: string
  readonly families: Readonly<Partial<Record<Family, SnapshotFamily>>>
  /** The chains that were about to be changed. */
  readonly touched: Readonly<Partial<Record<Family, readonly TouchedChain[]>>>
  readonly sets?: SnapshotSets
}

/** The sets that fwctl looks after, as they were. */
export interface SnapshotSets {
  /** Of `sets.rules`, their part of `ipset save`. */
  readonly digest: string
  /** Whose their entries were. */
  readonly contents: Readonly<Record<string, SetContents>>
}

/** A saved live ruleset that can be gone back to. The dumps are those of iptables-save -c. */
export interface Snapshot {
  readonly meta: SnapshotMeta
  readonly dumps: Readonly<Partial<Record<Family, string>>>
  /** The sets, in the words of ipset save. */
  readonly sets?: string
}

/** Who is doing what, for the snapshot's meta data. */
export interface SnapshotContext {
  readonly id: string
  readonly now: Date
  readonly user: string
  readonly host: string
  readonly reason: string
  readonly policyDigest?: string
  readonly fwctlVersion: string
  readonly touched: SnapshotMeta['touched']
  readonly sets?: { readonly text: string; readonly contents: SnapshotSets['contents'] }
}

const META_FILE = 'meta.json'
const SETS_FILE = 'sets.rules'
const ID = /^\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{4}$/

/** Of a snapshot that is to be taken. */
export function newSnapshotId(now: Date): string {
  const stamp = now.toISOString().replaceAll(/[-:]/g, '')
  return `${stamp}-${randomBytes(2).toString('hex')}`
}

/** What is live, as a snapshot that is not saved yet. */
export function draftSnapshot(live: Live, context: SnapshotContext): Snapshot {
  const { id, now, sets, ...about } = context
  const dumps: Partial<Record<Family, string>> = {}
  const families: Partial<Record<Family, SnapshotFamily>> = {}
  for (const one of Object.values(live)) {
    const { backend, version } = one.dialect
    dumps[one.family] = one.text
    families[one.family] = { backend, version, digest: digestOf(one.text) }
  }
  const meta: SnapshotMeta = {
    formatVersion: 1,
    id,
    createdAt: now.toISOString(),
    ...about,
    families,
    ...(sets ? { sets: { digest: digestOf(sets.text), contents: sets.contents } } : {}),
  }
  return { meta, dumps, ...(sets ? { sets: sets.text } : {}) }
}

/** Once it is published, it is whole and on the disk. */
export function stageSnapshot(
  stateDir: StateDir,
  { meta, dumps, sets }: Snapshot,
): Promise<Staged> {
  const files = Object.entries(dumps).map(([family, dump]) => [`${family}.rules`, dump] as const)
  return stateDir.machine.files.stageDirectory(join(stateDir.snapshots, meta.id), {
    ...Object.fromEntries(files),
    ...(sets !== undefined && { [SETS_FILE]: sets }),
    [META_FILE]: sealedText(meta),
  })
}

/** The ids there are, oldest first. */
export async function listSnapshots(stateDir: StateDir): Promise<readonly string[]> {
  const names = await stateDir.machine.files.list(stateDir.snapshots)
  return names.filter((name) => ID.test(name)).sort()
}

/**
 * Reads a snapshot: by its id, by the beginning of it if only one starts so, or the last one.
 * Throws FwctlError `usage` when there is no such snapshot, `untrusted-file` when its dumps are not
 * the ones that were saved.
 */
export async function readSnapshot(stateDir: StateDir, id?: string): Promise<Snapshot> {
  const directory = join(stateDir.snapshots, await findId(stateDir, id))
  const read = await readFiles(stateDir, directory)
  const meta = metaFrom(read, join(directory, META_FILE))
  const dumps: Partial<Record<Family, string>> = {}
  for (const family of FAMILIES) {
    const saved = meta.families[family]
    if (saved) dumps[family] = textFrom(read, join(directory, `${family}.rules`), saved.digest)
  }
  if (meta.sets === undefined) return { meta, dumps }
  return { meta, dumps, sets: textFrom(read, join(directory, SETS_FILE), meta.sets.digest) }
}

/**
 * Removes old snapshots: all but the newest `keep`, and of those the ones taken before `before`. The
 * newest is always kept. Returns the ids that went.
 */
export async function pruneSnapshots(
  stateDir: StateDir,
  options: { readonly keep?: number; readonly before?: Date },
): Promise<readonly string[]> {
  const ids = await listSnapshots(stateDir)
  const before = options.before?.toISOString().replaceAll(/[-:]/g, '')
  const surplus = ids.length - Math.max(1, options.keep ?? ids.length)
  const gone = ids.filter(
    (id, index) =>
      index < ids.length - 1 && (index < surplus || (before !== undefined && id < before)),
  )
  if (gone.length > 0) {
    await stateDir.machine.files.removeAll(gone.map((id) => join(stateDir.snapshots, id)))
  }
  return gone
}

async function findId(stateDir: StateDir, id: string | undefined): Promise<string> {
  const ids = await listSnapshots(stateDir)
  const found = id === undefined ? ids.slice(-1) : ids.filter((one) => one.startsWith(id))
  const [first, second] = found
  if (first !== undefined && second === undefined) return first
  const problem =
    id === undefined
      ? 'There is no snapshot'
      : first === undefined
        ? `There is no snapshot ${id}`
        : `Several snapshots start with ${id}`
  throw new FwctlError('usage', `${problem} in ${stateDir.snapshots}.`, { details: { id } })
}

/** What the files of a snapshot hold, by path; why one can not be read is told by who needs it. */
type SnapshotFiles = ReadonlyMap<string, { readonly text: string } | { readonly error: unknown }>

/** All at once: where each look takes a while, there is one. */
async function readFiles({ machine }: StateDir, directory: string): Promise<SnapshotFiles> {
  const names = [META_FILE, ...FAMILIES.map((family) => `${family}.rules`), SETS_FILE]
  const paths = names.map((name) => join(directory, name))
  const texts = await readEach(machine, paths)
  return new Map(texts.flatMap((text, index) => (text ? [[paths[index] ?? '', text]] : [])))
}

async function readEach(
  machine: StateDir['machine'],
  paths: readonly string[],
): Promise<readonly ({ readonly text: string } | { readonly error: unknown } | undefined)[]> {
  try {
    const texts = await readAllPrivate(machine, paths)
    return texts.map((text) => (text === undefined ? undefined : { text }))
  } catch (error) {
    if (paths.length === 1) return [{ error }]
    return (await Promise.all(paths.map((path) => readEach(machine, [path])))).flat()
  }
}

function textFrom(files: SnapshotFiles, path: string, saved: string): string {
  const file = files.get(path)
  if (file === undefined) throw untrusted(path, 'it is not there')
  if ('error' in file) throw untrusted(path, 'it can not be read', file.error)
  if (digestOf(file.text) !== saved) throw untrusted(path, 'its digest is not the saved one')
  return file.text
}

function metaFrom(files: SnapshotFiles, path: string): SnapshotMeta {
  const file = files.get(path)
  let meta: unknown
  try {
    if (file !== undefined && 'error' in file) throw file.error
    meta = file && unsealed(file.text, path)
  } catch (error) {
    throw untrusted(path, 'it was damaged or changed', error)
  }
  if (isMeta(meta)) return meta
  throw untrusted(path, 'it does not have the shape of snapshot meta data')
}

function isMeta(value: unknown): value is SnapshotMeta {
  if (!isRecord(value) || value.formatVersion !== 1 || !isRecord(value.families)) return false
  if (!isRecord(value.touched)) return false
  if (value.sets !== undefined && !isSets(value.sets)) return false
  const texts = ['id', 'createdAt', 'user', 'host', 'reason', 'fwctlVersion']
  return (
    Object.values(value.touched).every(
      (chains) =>
        Array.isArray(chains) &&
        chains.every(
          (one) =>
            isRecord(one) &&
            (TABLES as readonly unknown[]).includes(one.table) &&
            typeof one.chain === 'string',
        ),
    ) &&
    texts.every((key) => typeof value[key] === 'string') &&
    Object.entries(value.families).every(
      ([family, saved]) =>
        (FAMILIES as readonly string[]).includes(family) &&
        isRecord(saved) &&
        (saved.backend === 'nft' || saved.backend === 'legacy') &&
        typeof saved.digest === 'string' &&
        Array.isArray(saved.version) &&
        saved.version.length === 3 &&
        saved.version.every((part) => Number.isInteger(part)),
    )
  )
}

function isSets(value: unknown): boolean {
  if (!isRecord(value) || typeof value.digest !== 'string' || !isRecord(value.contents))
    return false
  return Object.values(value.contents).every(
    (one) => one === 'exact' || one === 'shared' || one === 'others',
  )
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Of the bytes: texts that differ only in a stray byte must not share a digest. */
function digestOf(dump: string): string {
  return `sha256:${createHash('sha256').update(encodeText(dump)).digest('hex')}`
}

function untrusted(path: string, why: string, cause?: unknown): FwctlError {
  return new FwctlError(
    'untrusted-file',
    `The snapshot file ${path} can not be relied on: ${why}. Nothing was changed; go back to ` +
      'another one (`fwctl snapshots list`).',
    { cause, details: { path } },
  )
}

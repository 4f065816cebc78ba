/** What is written before a commit: the way back, what is being done, and what is to be recorded. */
import { basename } from 'node:path'
import { FAMILIES } from '../ruleset/model.ts'
import { type AppliedRecord, readApplied, type StagedRecord, stageApplied } from './applied.ts'
import { appliedRecord } from './apply-record.ts'
import type { Based, CommitRequest } from './apply-request.ts'
import { type FreshSets, journalSets, setsToSave } from './apply-sets.ts'
import type { Staged } from './host-files.ts'
import { type Journal, stageJournal } from './journal.ts'
import { kernelIdentity } from './kernel-identity.ts'
import { type Live, readLive } from './live.ts'
import type { NativeLook } from './preflight.ts'
import { type Provenance, provenance } from './provenance.ts'
import {
  draftSnapshot,
  newSnapshotId,
  type Snapshot,
  type SnapshotContext,
  type SnapshotMeta,
  stageSnapshot,
} from './snapshots.ts'

/** All of it, on the disk but for its names. */
export interface Draft {
  readonly snapshot: SnapshotMeta
  readonly kernel: string
  readonly applied: AppliedRecord
  readonly staged: {
    readonly snapshot: Staged
    /** Absent: it has to say who is to confirm the change. */
    readonly journal: Staged | undefined
    readonly applied: Staged | undefined
  }
  /** What is to be recorded of a plan and its live rules in the end, staged if they are still the same. */
  recordFor(request: CommitRequest, live: Live): Recorded
}

export interface Recorded {
  readonly applied: AppliedRecord
  readonly staged?: Staged | undefined
}

/** Whether success is recorded at once: not what has to be confirmed, nor what takes such a change back. */
export function isRecorded({ confirm, ends, unrecorded }: CommitRequest): boolean {
  return confirm === undefined && ends === undefined && !unrecorded
}

/** @param looking For native rules, in these edits. */
export async function makeDraft(
  based: Based,
  sets: FreshSets,
  looking?: Promise<NativeLook>,
): Promise<Draft> {
  const { request, live } = based
  const { stateDir, plan, executor } = request
  // Programs that run while the record is written.
  const asked = Promise.all([kernelIdentity(executor), readOthers(based)])
  // Who awaits it is told what is wrong.
  asked.catch(() => undefined)
  const [who, last] = await Promise.all([
    provenance(stateDir.machine),
    request.last ?? readApplied(stateDir).catch(() => undefined),
  ])
  const now = new Date()
  const named = { id: newSnapshotId(now), createdAt: now.toISOString() }
  const recordOf = (by: CommitRequest, found: Live, plain?: NativeLook['plain']): AppliedRecord =>
    appliedRecord(by, found, { user: who.user, last, sets: sets.edit, snapshot: named, plain })
  const recording = Promise.resolve(looking).then((look) => recordOf(request, live, look?.plain))
  recording.catch(() => undefined)
  const record = isRecorded(request)
    ? recording.then((applied) => stageApplied(stateDir, applied))
    : undefined
  const drafted = asked.then(([kernel, others]) => {
    const snapshot = draftOf(based, sets, { ...who, id: named.id, now, others })
    return { snapshot, kernel }
  })
  const whatIsDrafted = async (): Promise<Pick<Draft, 'snapshot' | 'kernel' | 'applied'>> => {
    const { snapshot, kernel } = await drafted
    return { snapshot: snapshot.meta, kernel, applied: await recording }
  }
  const stageOwnJournal = async (): Promise<Staged> => {
    const about = await whatIsDrafted()
    return stageJournal(stateDir, journalOf(based, sets, { ...about, record: await record }))
  }
  const isPlain = request.confirm === undefined && request.ends === undefined
  const staged = await stageAll([
    drafted.then(({ snapshot }) => stageSnapshot(stateDir, snapshot)),
    isPlain ? stageOwnJournal() : undefined,
    record,
  ])
  const about = await whatIsDrafted()
  const { applied } = about
  return {
    ...about,
    staged,
    recordFor: (by, found) =>
      by.plan === plan && found === live
        ? { applied, staged: staged.applied }
        : { applied: recordOf(by, found) },
  }
}

/** Both families where there are both: a snapshot is of the host, not of the plan. */
async function readOthers({ request, live }: Based): Promise<Live> {
  const { executor, backend, others = {} } = request
  const families = FAMILIES.filter(
    (family) => !live[family] && !others[family] && backend.families[family],
  )
  // Not part of the plan, so not in need of a way back.
  const read = await readLive(executor, backend, { families }).catch(() => ({}))
  return { ...others, ...read }
}

function draftOf(
  { request, live, edits }: Based,
  sets: FreshSets,
  {
    others,
    ...about
  }: Provenance & Pick<SnapshotContext, 'id' | 'now'> & { readonly others: Live },
): Snapshot {
  const { plan, reason } = request
  const savedSets = setsToSave(plan.sets, sets.live)
  return draftSnapshot(
    { ...live, ...others },
    {
      ...about,
      reason,
      touched: Object.fromEntries(edits.map(({ family, touched }) => [family, touched])),
      ...(savedSets && { sets: savedSets }),
      ...(plan.policyDigest === undefined ? {} : { policyDigest: plan.policyDigest }),
    },
  )
}

/** Should one fail, nothing is left of the others. */
async function stageAll([snapshot, journal, applied]: readonly [
  Promise<Staged>,
  Promise<Staged> | undefined,
  Promise<Staged> | undefined,
]): Promise<Draft['staged']> {
  const settled = await Promise.allSettled([snapshot, journal, applied])
  try {
    return { snapshot: await snapshot, journal: await journal, applied: await applied }
  } catch (error) {
    for (const one of settled) if (one.status === 'fulfilled') await one.value?.discard()
    throw error
  }
}

/** What apply is about to do, but for who is to confirm it. */
export function journalOf(
  { request, edits }: Based,
  sets: FreshSets,
  {
    snapshot,
    kernel,
    applied,
    record,
  }: Pick<Draft, 'snapshot' | 'kernel' | 'applied'> & {
    readonly record?: StagedRecord | undefined
  },
): Omit<Journal, 'confirm'> {
  const journaled = journalSets(sets.edit)
  const written = record?.path && { file: basename(record.path), seal: record.seal }
  return {
    formatVersion: written ? 2 : 1,
    startedAt: snapshot.createdAt,
    snapshot: snapshot.id,
    kernel,
    foreign: request.plan.ownership.foreign,
    ...(journaled && { sets: journaled }),
    families: edits.map(({ family, tools, touched }) => ({ family, tools, touched })),
    applied: written || applied,
    ...(request.unrecorded ? { unrecorded: true } : {}),
  }
}

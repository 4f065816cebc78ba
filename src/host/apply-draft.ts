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
import { provenance } from './provenance.ts'
import { draftSnapshot, type SnapshotMeta, stageSnapshot } from './snapshots.ts'

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

export async function makeDraft(based: Based, sets: FreshSets): Promise<Draft> {
  const { request, live, edits } = based
  const { stateDir, plan, reason, executor, backend } = request
  const savedSets = setsToSave(plan.sets, sets.live)
  // Both families where there are both: a snapshot is of the host, not of the plan.
  const others = FAMILIES.filter((family) => !live[family] && backend.families[family])
  const [kernel, rest, who, last] = await Promise.all([
    kernelIdentity(executor),
    // Not part of the plan, so not in need of a way back.
    readLive(executor, backend, { families: others }).catch((): Live => ({})),
    provenance(stateDir.machine),
    request.last ?? readApplied(stateDir).catch(() => undefined),
  ])
  const snapshot = draftSnapshot(
    { ...live, ...rest },
    {
      ...who,
      now: new Date(),
      reason,
      touched: Object.fromEntries(edits.map(({ family, touched }) => [family, touched])),
      ...(savedSets && { sets: savedSets }),
      ...(plan.policyDigest === undefined ? {} : { policyDigest: plan.policyDigest }),
    },
  )
  const { meta } = snapshot
  const recordOf = (by: CommitRequest, found: Live): AppliedRecord =>
    appliedRecord(by, found, { user: meta.user, last, sets: sets.edit, snapshot: meta })
  const applied = recordOf(request, live)
  const named = { snapshot: meta, kernel, applied }
  const record = isRecorded(request) ? stageApplied(stateDir, applied) : undefined
  const isPlain = request.confirm === undefined && request.ends === undefined
  const stageOwnJournal = async (): Promise<Staged> =>
    stageJournal(stateDir, journalOf(based, sets, { ...named, record: await record }))
  const staged = await stageAll([
    stageSnapshot(stateDir, snapshot),
    isPlain ? stageOwnJournal() : undefined,
    record,
  ])
  return {
    ...named,
    staged,
    recordFor: (by, found) =>
      by.plan === plan && found === live
        ? { applied, staged: staged.applied }
        : { applied: recordOf(by, found) },
  }
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

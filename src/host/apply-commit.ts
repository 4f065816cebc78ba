/** One attempt at a commit, from the last look at the live rules to the record of success. */
import { FwctlError } from '../base/error.ts'
import { differingChains, type TouchedChain } from '../plan/touched.ts'
import type { Family, TableName } from '../ruleset/model.ts'
import { readApplied } from './applied.ts'
import { type ApplicablePlan, editsFor, isSameBase, readPlanned } from './apply-base.ts'
import { appliedRecord, recordSuccess, takeSnapshot } from './apply-record.ts'
import { type FreshSets, journalSets, readSetsBase } from './apply-sets.ts'
import {
  type CommitFailure,
  commitEdits,
  type Edit,
  type Freeze,
  freezeTables,
  type Host,
  liveOf,
} from './commit.ts'
import { armConfirm, type ConfirmRequest, disarmConfirm } from './confirm.ts'
import { closeJournal, openJournal } from './journal.ts'
import { kernelIdentity } from './kernel-identity.ts'
import type { Live } from './live.ts'
import type { PendingChange } from './pending.ts'
import type { StateDir } from './state-dir.ts'
import { undo } from './undo.ts'

export interface CommitRequest extends Host {
  readonly plan: ApplicablePlan
  readonly stateDir: StateDir
  /** For the snapshot's meta data: why this is done. */
  readonly reason: string
  /** Before the commit: nothing is changed. During it: what was changed is undone. */
  readonly signal?: AbortSignal | undefined
  readonly progress?: (step: 'snapshot' | 'commit' | 'undo') => void
  /** It is taken back unless it is confirmed in time (confirm.ts). */
  readonly confirm?: ConfirmRequest | undefined
  /** The token of the pending change that this takes back; while there is another, it is refused. */
  readonly ends?: string | undefined
  /** The plan leads back to what was applied last, and that stays on record as it is. */
  readonly unrecorded?: boolean
}

export interface Committed {
  readonly kind: 'committed'
  readonly snapshot: string
  readonly pending?: PendingChange
}

/** Somebody else changed the same chains. Nothing of ours is left, and all of theirs. */
export interface Contest {
  readonly kind: 'contested'
  readonly reason: string
  /** `ipv4 filter INPUT` and so on, as far as it is known. */
  readonly chains: readonly string[]
  /** Whether the kernel was changed, and changed back. */
  readonly touched: boolean
  /** A rule is there that iptables does not find by its value. */
  readonly notFound: boolean
}

/** What the attempt is based on. */
interface Seen {
  readonly live: Live
  readonly families: readonly Family[]
  readonly byValue: boolean
}

/**
 * Throws FwctlError `cancelled`, `rolled-back` or `rollback-incomplete`, and whatever goes wrong
 * before the host is touched.
 */
export async function commitGuarded(
  request: CommitRequest,
  seen: Seen,
): Promise<Committed | Contest> {
  requireNotCancelled(request)
  const freeze = await freezeTables(request, seen.families, request.signal)
  try {
    // On legacy nobody gets in from here on; the rehearsal may have taken a while.
    const live = freeze.holds ? await lookAgain(request, seen.live) : seen.live
    if ('kind' in live) return live
    const prepared = await prepare(request, live, { ...seen, freeze })
    // On nft somebody may at any time, so this is the last thing before the commit.
    const last = freeze.holds ? live : await lookAgain(request, live).catch(abandonAfter)
    if ('kind' in last) return abandon(request, prepared, last)
    return await commit(request, { ...prepared, last, byValue: seen.byValue })

    async function abandonAfter(error: unknown): Promise<never> {
      await abandon(request, prepared, undefined)
      throw error
    }
  } finally {
    await freeze.thaw()
  }
}

interface Prepared {
  readonly snapshot: string
  readonly sets: FreshSets
  readonly freeze: Freeze
  readonly armed: PendingChange | undefined
  readonly record: ReturnType<typeof appliedRecord>
}

/** Puts the way back, and what is being done, onto the disk. */
async function prepare(
  request: CommitRequest,
  live: Live,
  { byValue, freeze }: { readonly byValue: boolean; readonly freeze: Freeze },
): Promise<Prepared> {
  const { stateDir, confirm, ends } = request
  const { foreign } = request.plan.ownership
  const edits = editsFor(request, live, byValue)
  const sets = await readSetsBase(request.executor, request.plan.sets, request.signal)
  request.progress?.('snapshot')
  const { meta } = await takeSnapshot(request, live, { edits, sets })
  const last = await readApplied(stateDir).catch(() => undefined)
  const record = appliedRecord(request, live, { last, sets: sets.edit, snapshot: meta })
  const journaled = journalSets(sets.edit)
  const kernel = await kernelIdentity(request.executor)
  requireNotCancelled(request)
  const about = { snapshot: meta.id, kernel, foreign, ...(journaled && { sets: journaled }) }
  const armed =
    confirm && (await armConfirm({ ...about, confirm, stateDir, edits, applied: record }))
  const token = armed?.token ?? ends
  try {
    await openJournal(stateDir, {
      formatVersion: 1,
      startedAt: meta.createdAt,
      ...about,
      families: edits.map(({ family, tools, touched }) => ({ family, tools, touched })),
      applied: record,
      ...(request.unrecorded ? { unrecorded: true } : {}),
      ...(token === undefined ? {} : { confirm: { token, role: armed ? 'arms' : 'ends' } }),
    })
  } catch (error) {
    if (armed) await disarmConfirm(stateDir, armed, 'nothing was changed')
    throw error
  }
  return { snapshot: meta.id, sets, freeze, armed, record }
}

/** Ends it before the kernel was changed. */
async function abandon<T>(
  { stateDir }: CommitRequest,
  { armed }: Prepared,
  contest: T,
): Promise<T> {
  if (armed) await disarmConfirm(stateDir, armed, 'nothing was changed')
  await closeJournal(stateDir)
  return contest
}

async function commit(
  request: CommitRequest,
  work: Prepared & { readonly last: Live; readonly byValue: boolean },
): Promise<Committed | Contest> {
  const { last, byValue, sets, freeze, armed } = work
  const { stateDir, ends, signal } = request
  const edits = editsFor(request, last, byValue)
  request.progress?.('commit')
  const failure = await commitEdits(request, edits, { freeze, sets: sets.edit, signal })
  if (failure === undefined) {
    const isRecorded = armed === undefined && ends === undefined && !request.unrecorded
    const pending = await recordSuccess(stateDir, {
      armed,
      ...(isRecorded && { applied: work.record }),
    })
    return { kind: 'committed', snapshot: work.snapshot, ...(pending && { pending }) }
  }
  request.progress?.('undo')
  const { foreign } = request.plan.ownership
  await undo(request, { ...work, edits, sets: sets.edit, foreign }, failure)
  return contestOf(request, failure, { edits, last, snapshot: work.snapshot, byValue })
}

/** Whether it is worth another attempt; throws the end of the apply when it is not. */
async function contestOf(
  request: CommitRequest,
  failure: CommitFailure,
  about: {
    readonly edits: readonly Edit[]
    readonly last: Live
    readonly snapshot: string
    readonly byValue: boolean
  },
): Promise<Contest> {
  const details = { reason: failure.reason, snapshot: about.snapshot }
  if (failure.kind === 'cancelled' || request.signal?.aborted) {
    throw new FwctlError('cancelled', 'Cancelled; the host is as it was before.', { details })
  }
  const { reason, notFound } = failure
  const contest = { kind: 'contested', reason, touched: true, notFound } as const
  if (failure.kind === 'differs') return { ...contest, chains: failure.chains }
  const now = await readPlanned(request)
  const isSame = isSameBase(request.plan, about.last, now)
  if (failure.kind === 'refused' && (!isSame || (notFound && about.byValue))) {
    return { ...contest, chains: changedChains(about.edits, now), notFound: notFound && isSame }
  }
  throw new FwctlError(
    'rolled-back',
    `Applying failed: ${reason}. The host has been put back as it was before.`,
    { details },
  )
}

/** Reads once more. Where something has changed that the plan depends on, that is a contest. */
async function lookAgain(request: CommitRequest, before: Live): Promise<Live | Contest> {
  const found = await readPlanned(request)
  if (isSameBase(request.plan, before, found)) return found
  return {
    kind: 'contested',
    reason: 'the rules changed just before the commit',
    chains: scopedChains(request.plan, before, found),
    touched: false,
    notFound: false,
  }
}

function scopedChains(plan: ApplicablePlan, before: Live, found: Live): readonly string[] {
  return plan.families.flatMap(({ family, scope }) => {
    const places = scope.flatMap(({ table, chains }): TouchedChain[] =>
      (chains === 'all' ? chainsOf(before, family, table) : chains).map((chain) => ({
        table,
        chain,
      })),
    )
    return differingChains(liveOf(before, family), liveOf(found, family), places).map(
      ({ table, chain }) => `${family} ${table} ${chain}`,
    )
  })
}

function chainsOf(live: Live, family: Family, name: TableName): readonly string[] {
  const table = liveOf(live, family).tables.find((one) => one.name === name)
  return table?.chains.map((chain) => chain.name) ?? []
}

function changedChains(edits: readonly Edit[], now: Live): readonly string[] {
  return edits.flatMap(({ family, before, touched }) =>
    differingChains(before, liveOf(now, family), touched).map(
      ({ table, chain }) => `${family} ${table} ${chain}`,
    ),
  )
}

function requireNotCancelled({ signal }: CommitRequest): void {
  if (signal?.aborted) throw new FwctlError('cancelled', 'Cancelled; the host was not touched.')
}

/** One attempt at a commit, from the last look at the live rules to the record of success. */
import { FwctlError } from '../base/error.ts'
import { differingChains, type TouchedChain } from '../plan/touched.ts'
import type { Family, TableName } from '../ruleset/model.ts'
import type { Ahead } from './apply-ahead.ts'
import {
  type ApplicablePlan,
  editsFor,
  isSameBase,
  isSameButForOthers,
  readPlanned,
} from './apply-base.ts'
import { type Draft, isRecorded, journalOf } from './apply-draft.ts'
import { recordSuccess } from './apply-record.ts'
import type { Based, CommitRequest } from './apply-request.ts'
import { type FreshSets, readSetsBase } from './apply-sets.ts'
import { type CommitFailure, commitEdits, type Freeze, freezeTables, holdAll } from './commit.ts'
import { armConfirm, disarmConfirm } from './confirm.ts'
import { type Edit, liveOf } from './edit.ts'
import { closeJournal, openJournal } from './journal.ts'
import type { Live } from './live.ts'
import type { PendingChange } from './pending.ts'
import { undo } from './undo.ts'

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

/** As often, the commit is withheld at the last moment because somebody else was faster. */
const LOOKS = 8

/** What the attempt is based on. */
type Seen = Omit<Based, 'request'> & { readonly families: readonly Family[] }

/**
 * Throws FwctlError `cancelled`, `rolled-back` or `rollback-incomplete`, and whatever goes wrong
 * before the host is touched.
 */
export async function commitGuarded(
  request: CommitRequest,
  seen: Seen,
  ahead: Ahead,
): Promise<Committed | Contest> {
  requireNotCancelled(request)
  const freeze = await freezeTables(request, seen.families, request)
  try {
    // On legacy nobody gets in from here on; the rehearsal may have taken a while.
    const looking = freeze.holds ? lookAgain({ request, ...seen }) : { request, ...seen }
    if (freeze.holds) setImmediate(ahead.begin)
    const first = await looking
    if ('kind' in first) return first
    const prepared = await prepare(first, freeze, ahead)
    for (let look = 1; ; look++) {
      // On nft somebody may at any time, so this is the last thing before the commit.
      const isSeen = freeze.holds || (look === 1 && (await isStillSo(first)))
      const last = isSeen ? first : await lookAgain(first).catch(abandonAfter)
      if ('kind' in last) return abandon(request, prepared, last)
      if (!isPrepared(last.edits, prepared)) {
        return abandon(request, prepared, otherChains(last.edits))
      }
      const work = { ...prepared, ...last, isLastLook: look === LOOKS }
      const outcome = await commit(last.request, work)
      if (outcome !== 'moved') return outcome
    }

    async function abandonAfter(error: unknown): Promise<never> {
      await abandon(request, prepared, undefined)
      throw error
    }
  } finally {
    await freeze.thaw()
  }
}

/** Whether others are kept out, and all is read once more, before the commit: there is time then. */
export function isFrozen(edits: readonly Edit[]): boolean {
  return edits.some(({ tools }) => tools.dialect.backend !== 'nft')
}

interface Prepared {
  readonly snapshot: string
  readonly sets: FreshSets
  readonly freeze: Freeze
  readonly ahead: Ahead
  readonly draft: Draft
  readonly armed: PendingChange | undefined
  /** The chains that the journal knows to be in danger, by family. */
  readonly touched: Readonly<Partial<Record<Family, readonly TouchedChain[]>>>
}

/** Others may have made it necessary to change more than the journal says. */
function isPrepared(edits: readonly Edit[], { touched }: Prepared): boolean {
  return edits.every((edit) =>
    edit.touched.every(({ table, chain }) =>
      touched[edit.family]?.some((one) => one.table === table && one.chain === chain),
    ),
  )
}

function otherChains(edits: readonly Edit[]): Contest {
  return {
    kind: 'contested',
    reason: 'other chains have to be changed by now',
    chains: edits.flatMap(placesOf),
    touched: false,
    notFound: false,
  }
}

function placesOf({ family, touched }: Edit): readonly string[] {
  return touched.map(({ table, chain }) => `${family} ${table} ${chain}`)
}

/** Puts the way back, and what is being done, onto the disk. */
async function prepare(based: Based, freeze: Freeze, ahead: Ahead): Promise<Prepared> {
  const { request, edits } = based
  const { stateDir, confirm, ends } = request
  const sets = await readSetsBase(request.executor, request.plan.sets, request.signal)
  request.progress?.('snapshot')
  const draft = await ahead.draft(based, sets)
  const { snapshot, applied, staged } = draft
  requireNotCancelled(request)
  await staged.snapshot.publish()
  const journal = journalOf(based, sets, draft)
  const armed = confirm && (await armConfirm({ ...request, ...journal, confirm, edits, applied }))
  const token = armed?.token ?? ends
  try {
    ahead.hold(draft)
    if (staged.journal) await staged.journal.publish()
    else {
      const role = armed ? 'arms' : 'ends'
      await openJournal(stateDir, { ...journal, ...(token && { confirm: { token, role } }) })
    }
  } catch (error) {
    if (armed) await disarmConfirm(stateDir, armed, 'nothing was changed')
    throw error
  }
  const touched = Object.fromEntries(edits.map((edit) => [edit.family, edit.touched]))
  return { snapshot: snapshot.id, sets, freeze, ahead, draft, armed, touched }
}

/** Ends it before the kernel was changed. */
async function abandon<T>(
  { stateDir }: CommitRequest,
  { armed, draft }: Prepared,
  contest: T,
): Promise<T> {
  if (armed) await disarmConfirm(stateDir, armed, 'nothing was changed')
  await closeJournal(stateDir)
  await draft.staged.applied?.discard()
  return contest
}

interface Work extends Prepared, Omit<Based, 'request'> {
  readonly isLastLook: boolean
}

/** `moved`: the rules were others by then, so nothing was done. */
async function commit(request: CommitRequest, work: Work): Promise<Committed | Contest | 'moved'> {
  const { live, edits, sets, freeze, armed, draft, ahead } = work
  const { signal } = request
  request.progress?.('commit')
  const begun = ahead.restores
  const failure = await commitEdits(request, edits, { freeze, sets: sets.edit, signal, begun })
  if (failure === undefined) {
    const isKnown = isRecorded(request) && armed === undefined
    const pending = await recordSuccess(request, {
      armed,
      ...(isKnown && (await draft.recordFor(request, live))),
    })
    return { kind: 'committed', snapshot: work.snapshot, ...(pending && { pending }) }
  }
  if (failure.untouched && !work.isLastLook && !signal?.aborted) return 'moved'
  request.progress?.('undo')
  const { foreign } = request.plan.ownership
  const isClosed = await undo(request, { ...work, sets: sets.edit, foreign }, failure)
  if (isClosed) await draft.staged.applied?.discard()
  return contestOf(request, failure, work)
}

/** Whether it is worth another attempt; throws the end of the apply when it is not. */
async function contestOf(
  request: CommitRequest,
  failure: CommitFailure,
  work: Work,
): Promise<Contest> {
  const details = { reason: failure.reason, snapshot: work.snapshot }
  if (failure.kind === 'cancelled' || request.signal?.aborted) {
    throw new FwctlError('cancelled', 'Cancelled; the host is as it was before.', { details })
  }
  const { reason, notFound } = failure
  const contest = { kind: 'contested', reason, touched: true, notFound } as const
  if (failure.kind === 'differs') return { ...contest, chains: failure.chains }
  const now = await readPlanned(request)
  const isSame = isSameBase(request.plan, work.live, now)
  if (failure.kind === 'refused' && (!isSame || (notFound && work.byValue))) {
    return { ...contest, chains: changedChains(work.edits, now), notFound: notFound && isSame }
  }
  throw new FwctlError(
    'rolled-back',
    `Applying failed: ${reason}. The host has been put back as it was before.`,
    { details },
  )
}

/**
 * Whether the chains that are to change are still as they were: then the batch does what it was made
 * for, whatever is by now in others. For one family that is asked once more at the last moment anyway.
 */
async function isStillSo({ request, edits }: Based): Promise<boolean> {
  return edits.length === 1 || holdAll(request, edits, 'before')
}

/**
 * Reads once more. What other tools have done to rules of their own is taken into the plan; anything
 * else that it depends on, and that has changed, is a contest.
 */
async function lookAgain(before: Based): Promise<Based | Contest> {
  const { request, byValue } = before
  const { plan, replan } = request
  const live = await readPlanned(request, before.live)
  if (plan.families.every(({ family }) => live[family] === before.live[family])) return before
  const based = (request: CommitRequest): Based => {
    return { request, live, edits: editsFor(request, live, byValue), byValue }
  }
  if (isSameBase(plan, before.live, live)) return based(request)
  if (replan !== undefined && isSameButForOthers(plan, before.live, live)) {
    return based({ ...request, plan: await replan(live) })
  }
  return {
    kind: 'contested',
    reason: 'the rules changed just before the commit',
    chains: scopedChains(plan, before.live, live),
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

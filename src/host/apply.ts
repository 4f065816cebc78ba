/**
 * Makes what is live the target of a plan, or leaves it as it was.
 *
 * Goals, and how each is met:
 * 1. Only the plan that was shown is carried out. Under the lock the live rules are read again; if
 *    they are not what the plan was made from, it is refused. The batch is built from this fresh
 *    read, never taken from a file, so that it carries the counters of now.
 * 2. What the kernel would refuse does not reach it: the batch is rehearsed (rehearsal.ts). Where
 *    that is impossible, apply goes on by itself only if the kernel takes all or nothing: one block.
 * 3. Nobody gets in between: the state directory's lock keeps other fwctls out, the xtables lock
 *    other legacy programs (commit.ts). The live rules are read a last time just before the commit.
 * 4. There is always a way back: the snapshot and the journal are on the disk before the first
 *    restore. Killed at any instant, the next run finds the journal (recover.ts).
 * 5. Done means seen: the rules are read back and compared. Otherwise, also on Ctrl-C, the chains that
 *    the plan touches are put back, by the same engine, counters included; others are left alone.
 * 6. No change, no effect: an empty plan runs no restore and takes no snapshot.
 */
import type { Diagnostic } from '../base/diagnostic.ts'
import { FwctlError } from '../base/error.ts'
import { printSave } from '../iptables/save.ts'
import { expiringRules } from '../plan/hold.ts'
import { rebase, type Scope, scopeDigest } from '../plan/scope.ts'
import { rulesetDigest } from '../plan/state.ts'
import { touchedDigest } from '../plan/touched.ts'
import type { Ownership } from '../policy/policy.ts'
import { type Dialect, FAMILIES, type Family, type Ruleset } from '../ruleset/model.ts'
import { type AppliedFamily, type AppliedRecord, readApplied, writeApplied } from './applied.ts'
import {
  type ApplicableSets,
  appliedSets,
  type FreshSets,
  journalSets,
  readSetsBase,
  setsToSave,
} from './apply-sets.ts'
import {
  type CommitFailure,
  commitEdits,
  type Edit,
  type Freeze,
  freezeTables,
  goBack,
  type Host,
  planEdits,
} from './commit.ts'
import {
  armConfirm,
  type ConfirmRequest,
  disarmConfirm,
  requireNothingPending,
  startCountdown,
} from './confirm.ts'
import { closeJournal, openJournal } from './journal.ts'
import { kernelIdentity } from './kernel-identity.ts'
import { type Live, readLive } from './live.ts'
import { localExecutor } from './local-executor.ts'
import { takeLock } from './lock.ts'
import type { PendingChange } from './pending.ts'
import { type RehearseMode, refuseNativeRules, requireRehearsal } from './preflight.ts'
import { provenance } from './provenance.ts'
import { type Recovery, recover } from './recover.ts'
import type { Rehearsal } from './rehearsal.ts'
import { type SetsEdit, setsWayBack } from './sets.ts'
import { type Snapshot, type SnapshotMeta, saveSnapshot } from './snapshots.ts'
import type { StateDir } from './state-dir.ts'

/** What apply needs of a plan, fresh or saved. */
export interface ApplicablePlan {
  readonly policyDigest?: string
  readonly ownership: Ownership
  readonly families: readonly {
    readonly family: Family
    readonly dialect: Dialect
    /** `scopeDigest` of the live rules that the plan was made from. */
    readonly base: string
    /** What the plan depends on. All else stays as it is found. */
    readonly scope: Scope
    readonly target: Ruleset
    /** What the policy declares. */
    readonly desired?: Ruleset
  }[]
  /** Absent: no sets are looked at. */
  readonly sets?: ApplicableSets
}

/** What apply is about to do. */
export type ApplyStep = 'lock' | 'read' | 'rehearse' | 'snapshot' | 'commit' | 'verify' | 'undo'

export interface ApplyRequest extends Host {
  readonly plan: ApplicablePlan
  readonly stateDir: StateDir
  /** For the snapshot's meta data: why this is done. */
  readonly reason: string
  readonly rehearse: RehearseMode
  /** How long to wait for another fwctl; default 10 s. */
  readonly lockWaitMs?: number
  /** Before the commit: nothing is changed. During it: what was changed is undone. */
  readonly signal?: AbortSignal | undefined
  readonly progress?: (step: ApplyStep) => void
  /** It is taken back unless it is confirmed in time (confirm.ts). */
  readonly confirm?: ConfirmRequest | undefined
  /** The token of the pending change that this takes back; while there is another, it is refused. */
  readonly ends?: string | undefined
  /** The plan leads back to what was applied last, and that stays on record as it is. */
  readonly unrecorded?: boolean
}

export type ApplyOutcome =
  | { readonly kind: 'unchanged'; readonly recovery: Recovery }
  | {
      readonly kind: 'applied'
      readonly recovery: Recovery
      /** The way back. */
      readonly snapshot: string
      readonly rehearsal: Rehearsal
      readonly diagnostics: readonly Diagnostic[]
      /** What has to be confirmed now. */
      readonly pending?: PendingChange
    }

const LOCK_WAIT_MS = 10_000

/**
 * Throws FwctlError `lock-busy`, `stale-plan`, `rehearsal-failed`, `refused`, `live-unreadable` or
 * `cancelled` with the host untouched; `rolled-back` or (Ctrl-C) `cancelled` with the host as it was;
 * `rollback-incomplete` when that failed too.
 */
export async function applyPlan(request: ApplyRequest): Promise<ApplyOutcome> {
  request.progress?.('lock')
  const lock = await takeLock(localExecutor(), request.stateDir.lock, {
    waitMs: request.lockWaitMs ?? LOCK_WAIT_MS,
    signal: request.signal,
  })
  try {
    const recovery = await recover(request, request.stateDir)
    const ending = await requireNothingPending(request, request.stateDir, request.ends)
    request.progress?.('read')
    const live = await readBase(request)
    const edits = planFresh(request, live)
    const sets = await readSetsBase(request.executor, request.plan.sets, request.signal)
    if (edits.length === 0 && sets.edit === undefined) {
      if (ending) await disarmConfirm(request.stateDir, ending, TAKEN_BACK)
      else if (!request.unrecorded) await recordUnchanged(request, live)
      return { kind: 'unchanged', recovery }
    }
    const diagnostics = await refuseNativeRules(request, edits)
    request.progress?.('rehearse')
    const rehearsal = await requireRehearsal({
      ...request,
      mode: request.rehearse,
      edits,
      sets: sets.edit,
    })
    const committed = await commitGuarded(request, edits)
    if (ending) await disarmConfirm(request.stateDir, ending, TAKEN_BACK)
    return { kind: 'applied', recovery, ...committed, rehearsal, diagnostics }
  } finally {
    await lock.release()
  }
}

/** Reads what is live, and makes sure that it is what the plan was made from. */
async function readBase(request: ApplyRequest): Promise<Live> {
  const live = await readLive(request.executor, request.backend, {
    families: request.plan.families.map((one) => one.family),
    ...(request.names ? { names: request.names } : {}),
    signal: request.signal,
  })
  for (const { family, base, scope, dialect } of request.plan.families) {
    const found = live[family]
    const isSame =
      found?.dialect.backend === dialect.backend && scopeDigest(found.ruleset, scope) === base
    if (isSame) continue
    throw new FwctlError(
      'stale-plan',
      `The ${family} rules on ${request.executor.label} are no longer those that the plan was made ` +
        'from. The host was not touched; make a new plan and look at it.',
      { details: { family } },
    )
  }
  return live
}

function planFresh(request: ApplyRequest, live: Live): readonly Edit[] {
  const targets = request.plan.families.map((one) => targetFor(one, live))
  return planEdits(request, live, { targets, foreign: request.plan.ownership.foreign })
}

/** Other tools may have changed chains of their own since the plan was made. */
function targetFor(planned: ApplicablePlan['families'][number], live: Live): Ruleset {
  const { family, target, scope } = planned
  return rebase({ live: live[family]?.ruleset ?? { family, tables: [] }, target, scope })
}

const TAKEN_BACK = 'it was taken back with fwctl rollback'

interface Committed {
  readonly snapshot: string
  readonly pending?: PendingChange
}

/** From the last look at the rules to the record of success. */
async function commitGuarded(request: ApplyRequest, planned: readonly Edit[]): Promise<Committed> {
  requireNotCancelled(request)
  const families = planned.map((edit) => edit.family)
  const freeze = await freezeTables(request, families, request.signal)
  try {
    // Again, now that nobody gets in between; the rehearsal may have taken a while.
    const live = await readBase(request)
    const edits = planFresh(request, live)
    const sets = await readSetsBase(request.executor, request.plan.sets, request.signal)
    request.progress?.('snapshot')
    const snapshot = await takeSnapshot(request, live, { edits, sets })
    const last = await readApplied(request.stateDir).catch(() => undefined)
    const applied = appliedRecord(request, live, { last, sets: sets.edit, snapshot: snapshot.meta })
    const journaled = journalSets(sets.edit)
    const kernel = await kernelIdentity(request.executor)
    requireNotCancelled(request)
    const { stateDir, confirm, ends } = request
    const { foreign } = request.plan.ownership
    const sealed = { snapshot: snapshot.meta.id, ...(journaled && { sets: journaled }) }
    const about = { stateDir, edits, ...sealed, applied, foreign, kernel }
    const armed = confirm && (await armConfirm({ ...about, confirm }))
    const token = armed?.token ?? ends
    try {
      await openJournal(stateDir, {
        formatVersion: 1,
        startedAt: snapshot.meta.createdAt,
        kernel,
        snapshot: snapshot.meta.id,
        families: edits.map(({ family, touched, before, target }) => ({
          family,
          touched,
          before: touchedDigest(before, touched),
          after: touchedDigest(target, touched),
        })),
        ...(journaled && { sets: journaled }),
        foreign,
        applied,
        ...(request.unrecorded ? { unrecorded: true } : {}),
        ...(token === undefined ? {} : { confirm: { token, role: armed ? 'arms' : 'ends' } }),
      })
    } catch (error) {
      if (armed) await disarmConfirm(stateDir, armed, 'nothing was changed')
      throw error
    }
    request.progress?.('commit')
    const work = { edits, sets: sets.edit, freeze }
    const failure = await commitSafely(request, work)
    if (failure !== undefined) await undo({ request, ...work, snapshot, failure, armed })
    const isRecorded = armed === undefined && ends === undefined && !request.unrecorded
    const pending = await recordSuccess(stateDir, { armed, ...(isRecorded && { applied }) })
    return { snapshot: snapshot.meta.id, ...(pending && { pending }) }
  } finally {
    await freeze.thaw()
  }
}

interface Work {
  readonly edits: readonly Edit[]
  readonly sets: SetsEdit | undefined
  readonly freeze: Freeze
}

async function commitSafely(
  request: ApplyRequest,
  { edits, sets, freeze }: Work,
): Promise<CommitFailure> {
  try {
    return await commitEdits(request, edits, { freeze, sets, signal: request.signal })
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Puts back what was there, and throws what that comes to. */
async function undo(
  attempt: Work & {
    readonly request: ApplyRequest
    readonly snapshot: Snapshot
    readonly failure: string
    readonly armed: PendingChange | undefined
  },
): Promise<never> {
  const { request, edits, sets, freeze, snapshot, failure, armed } = attempt
  request.progress?.('undo')
  const details = { reason: failure, snapshot: snapshot.meta.id }
  const undoFailure = await goBack(request, {
    ways: edits,
    foreign: request.plan.ownership.foreign,
    freeze,
    sets: sets && setsWayBack(sets),
  })
  if (undoFailure !== undefined) {
    const commands = edits.map(({ family, tools }) => {
      const path = `${request.stateDir.snapshots}/${snapshot.meta.id}/${family}.rules`
      return `${tools.restore} --counters < ${path}`
    })
    const saved = `${request.stateDir.snapshots}/${snapshot.meta.id}/sets.rules`
    if (sets !== undefined) commands.unshift(`ipset restore -exist < ${saved}`)
    throw new FwctlError(
      'rollback-incomplete',
      `Applying failed (${failure}), and going back failed too (${undoFailure}). The host may hold ` +
        `part of the change. To put back the rules before it: ${commands.join(' && ')}`,
      { details: { ...details, undoFailure, commands } },
    )
  }
  if (armed) await disarmConfirm(request.stateDir, armed, 'applying it failed')
  await closeJournal(request.stateDir)
  if (request.signal?.aborted) {
    throw new FwctlError('cancelled', 'Cancelled; the host is as it was before.', { details })
  }
  throw new FwctlError(
    'rolled-back',
    `Applying failed: ${failure}. The host has been put back as it was before.`,
    { details },
  )
}

/** Both families where there are both: a snapshot is of the host, not of the plan. */
async function takeSnapshot(
  request: ApplyRequest,
  live: Live,
  { edits, sets }: { readonly edits: readonly Edit[]; readonly sets: FreshSets },
): Promise<Snapshot> {
  const others = FAMILIES.filter((family) => !live[family] && request.backend.families[family])
  const rest = await readLive(request.executor, request.backend, { families: others }).catch(
    // Not part of the plan, so not in need of a way back.
    (): Live => ({}),
  )
  const savedSets = setsToSave(request.plan.sets, sets.live)
  return saveSnapshot(
    request.stateDir,
    { ...live, ...rest },
    {
      ...provenance(),
      now: new Date(),
      reason: request.reason,
      touched: Object.fromEntries(edits.map(({ family, touched }) => [family, touched])),
      ...(savedSets && { sets: savedSets }),
      ...(request.plan.policyDigest === undefined
        ? {}
        : { policyDigest: request.plan.policyDigest }),
    },
  )
}

/** The journal is closed last: should this fail, the next run finds it and writes the record. */
async function recordSuccess(
  stateDir: StateDir,
  what: { readonly applied?: AppliedRecord; readonly armed: PendingChange | undefined },
): Promise<PendingChange | undefined> {
  try {
    const pending = what.armed && (await startCountdown(stateDir, what.armed))
    if (what.applied) await writeApplied(stateDir, what.applied)
    await closeJournal(stateDir)
    return pending
  } catch (error) {
    throw new FwctlError(
      'command-failed',
      'The plan has been applied and checked, but that could not be recorded: ' +
        `${error instanceof Error ? error.message : error}. The next run will do it.`,
      { cause: error },
    )
  }
}

/** A policy that changes nothing is from now on what drift is measured by, all the same. */
async function recordUnchanged(request: ApplyRequest, live: Live): Promise<void> {
  const last = await readApplied(request.stateDir).catch(() => undefined)
  const record = appliedRecord(request, live, { last })
  const isKnown =
    last?.policyDigest === record.policyDigest &&
    JSON.stringify(last?.sets) === JSON.stringify(record.sets) &&
    FAMILIES.every((family) => last?.families[family]?.digest === record.families[family]?.digest)
  if (!isKnown) await writeApplied(request.stateDir, record)
}

function appliedRecord(
  { plan, reason }: ApplyRequest,
  live: Live,
  about: {
    readonly last: AppliedRecord | undefined
    readonly sets?: SetsEdit | undefined
    readonly snapshot?: SnapshotMeta
  },
): AppliedRecord {
  const { snapshot } = about
  const sets = appliedSets(plan.sets, about.sets, about.last)
  const families: Partial<Record<Family, AppliedFamily>> = {}
  for (const planned of plan.families) {
    const target = targetFor(planned, live)
    const expires = expiringRules(target)
    families[planned.family] = {
      backend: planned.dialect.backend,
      digest: rulesetDigest(target),
      rules: printSave(target),
      ...(planned.desired === undefined ? {} : { desired: printSave(planned.desired) }),
      ...(expires.length === 0 ? {} : { expires }),
    }
  }
  return {
    formatVersion: 1,
    appliedAt: snapshot?.createdAt ?? new Date().toISOString(),
    user: provenance().user,
    reason,
    ...(plan.policyDigest === undefined ? {} : { policyDigest: plan.policyDigest }),
    ...(snapshot ? { snapshot: snapshot.id } : {}),
    ownership: plan.ownership,
    families,
    ...(sets && { sets }),
  }
}

function requireNotCancelled({ signal }: ApplyRequest): void {
  if (signal?.aborted) throw new FwctlError('cancelled', 'Cancelled; the host was not touched.')
}

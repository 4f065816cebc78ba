/**
 * Keeps a host as it should be.
 *
 * Goals, and how each is met:
 * 1. Level-triggered. Events only wake it; each check reads what is live and plans from that, and a
 *    check comes every full minute anyhow. Nothing is missed for long, and rules expire on the minute.
 * 2. It repairs by the same engine as apply: lock, snapshot, journal, commit, verify. Foreign rules
 *    stay. A plan that goes stale under its hands is made again.
 * 3. It knows when to keep its hands off: while paused, while a change waits for its confirmation,
 *    outside of the hours that it was given. It then reports once, and repairs when that is over.
 * 4. It does not fight: see watch-contest.ts. What fails is tried again ever more slowly.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { digest } from '../base/digest.ts'
import { FwctlError } from '../base/error.ts'
import { isEmptyPlan, type Plan } from '../plan/plan.ts'
import type { Family } from '../ruleset/model.ts'
import { applyPlan } from './apply.ts'
import type { ApplicablePlan } from './apply-base.ts'
import type { Host } from './edit.ts'
import { readPause } from './pause.ts'
import { readPending } from './pending.ts'
import type { RehearseMode } from './preflight.ts'
import type { StateDir } from './state-dir.ts'
import { newWake } from './wake.ts'
import { newContest } from './watch-contest.ts'
import { leaving, partsOf } from './watch-parts.ts'
import { openSource } from './watch-source.ts'
import { isInWindow, type TimeWindow } from './watch-window.ts'

/** One thing that happened; the fields are for programs. */
export interface WatchEvent {
  readonly event:
    | 'started'
    | 'drift'
    | 'repaired'
    | 'held-back'
    | 'resumed'
    | 'fight'
    | 'failed'
    | 'polling'
    | 'stopped'
  readonly level: 'info' | 'warn' | 'error'
  readonly message: string
  readonly [field: string]: unknown
}

/** Why it does not repair. */
export type HeldBack = 'paused' | 'pending' | 'window'

export interface Goal {
  readonly plan: Plan
  /** Rules of the last apply whose time is over, by `expiryKey`. */
  readonly expired: ReadonlySet<string>
}

export interface WatchRequest extends Host {
  readonly stateDir: StateDir
  /** The plan from what is live now to what should be. */
  readonly goal: () => Promise<Goal>
  readonly rehearse: RehearseMode
  /** What is recorded as applied stays, because that is the goal. */
  readonly unrecorded: boolean
  /** Repairs are made in these only; none: always. */
  readonly windows: readonly TimeWindow[]
  /** No repairs are made in these. */
  readonly maintenance: readonly TimeWindow[]
  /** A file whose presence is a pause. */
  readonly pauseFile?: string | undefined
  readonly fight: { readonly limit: number; readonly windowMs: number }
  readonly now: () => Date
  readonly signal: AbortSignal
  readonly onEvent: (event: WatchEvent) => void
  /** One check, and one repair. */
  readonly once: boolean
}

/** How the last check left the host. */
export type WatchResult = 'in-order' | 'drifted'

const TICK_MS = 1000
/** Events come in bursts: a flush of ten chains is one. */
const SETTLE_MS = 40
const FIRST_DELAY_MS = 1000
const MAX_FAILURE_DELAY_MS = 60_000
const STALE_ATTEMPTS = 5

/** Ends when the signal does; with `once` after the first check. Throws what that check throws then. */
export async function watchHost(request: WatchRequest): Promise<WatchResult> {
  const { onEvent, signal, once, fight } = request
  const wake = newWake()
  const contest = newContest({ ...fight, firstDelayMs: FIRST_DELAY_MS, random: Math.random })
  const state: State = {
    contest,
    said: undefined,
    held: undefined,
    failures: 0,
    notBefore: 0,
    tryAgainAt: Number.POSITIVE_INFINITY,
  }
  if (once) return check(request, state)
  const source = openSource(request.executor, request.backend, {
    onChange: wake.now,
    onDowngrade: (reason) =>
      onEvent({ event: 'polling', level: 'warn', message: 'no netlink events; polling', reason }),
  })
  signal.addEventListener('abort', wake.now)
  onEvent({ event: 'started', level: 'info', message: `watching ${request.executor.label}` })
  let result: WatchResult = 'in-order'
  let minute = -1
  let isDue = true
  try {
    while (!signal.aborted) {
      const now = request.now().getTime()
      const hasMinuteTurned = Math.floor(now / 60_000) !== minute
      minute = Math.floor(now / 60_000)
      isDue ||= hasMinuteTurned || performance.now() >= state.tryAgainAt
      isDue ||= await hasBeenReleased(request, state)
      if (isDue && performance.now() >= state.notBefore) {
        result = await checkSafely(request, state)
        isDue = state.notBefore > performance.now()
      }
      if (await wake.wait(TICK_MS)) {
        isDue = true
        await sleep(SETTLE_MS)
      }
    }
  } finally {
    signal.removeEventListener('abort', wake.now)
    await source.stop()
    onEvent({ event: 'stopped', level: 'info', message: 'stopped' })
  }
  return result
}

interface State {
  readonly contest: ReturnType<typeof newContest>
  /** What was reported last, so that it is reported once. */
  said: string | undefined
  held: HeldBack | undefined
  failures: number
  /** After a failure, by performance.now(). */
  notBefore: number
  /** When a part that is left alone may be repaired again. */
  tryAgainAt: number
}

async function checkSafely(request: WatchRequest, state: State): Promise<WatchResult> {
  try {
    const result = await check(request, state)
    state.failures = 0
    state.tryAgainAt = state.contest.nextTry(performance.now()) ?? Number.POSITIVE_INFINITY
    return result
  } catch (error) {
    const delay = Math.min(FIRST_DELAY_MS * 2 ** state.failures, MAX_FAILURE_DELAY_MS)
    state.failures++
    state.notBefore = performance.now() + delay * (1 + Math.random() / 2)
    request.onEvent({
      event: 'failed',
      level: 'error',
      message: error instanceof Error ? error.message : String(error),
      code: error instanceof FwctlError ? error.code : 'bug',
      retryMs: Math.round(state.notBefore - performance.now()),
    })
    return 'drifted'
  }
}

/** Plans again as long as somebody changes the host in between. */
async function check(request: WatchRequest, state: State): Promise<WatchResult> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await checkOnce(request, state)
    } catch (error) {
      const isStale = error instanceof FwctlError && error.code === 'stale-plan'
      if (!isStale || attempt === STALE_ATTEMPTS) throw error
    }
  }
}

async function checkOnce(request: WatchRequest, state: State): Promise<WatchResult> {
  const { contest } = state
  const reason = await heldBack(request)
  // What is live now is a change that may yet be taken back; there is nothing to compare it with.
  if (reason === 'pending') return holdBack(reason, request, state)
  const goal = await request.goal()
  if (isEmptyPlan(goal.plan)) {
    state.said = undefined
    return 'in-order'
  }
  reportDrift(goal, request, state)
  if (reason !== undefined) return holdBack(reason, request, state)
  if (state.held !== undefined) {
    const was = state.held
    request.onEvent({ event: 'resumed', level: 'info', message: 'repairing again', was })
    state.held = undefined
  }
  const now = performance.now()
  const parts = partsOf(goal.plan)
  const open = parts.filter((one) => !contest.isLeft(one.name, now)).map((one) => one.name)
  const fought = contest.repair(open, now)
  for (const name of fought) request.onEvent(fightEvent(name, request))
  const repaired = open.filter((name) => !fought.includes(name))
  if (repaired.length === 0) return 'drifted'
  const left = parts.filter((one) => !repaired.includes(one.name))
  await repair(leaving(goal.plan, left), repaired, request)
  state.said = undefined
  return left.length === 0 ? 'in-order' : 'drifted'
}

function holdBack(reason: HeldBack, request: WatchRequest, state: State): WatchResult {
  if (reason !== state.held) request.onEvent(heldBackEvent(reason))
  state.held = reason
  return 'drifted'
}

async function repair(
  plan: ApplicablePlan,
  parts: readonly string[],
  request: WatchRequest,
): Promise<void> {
  const { executor, backend, names, stateDir, rehearse, unrecorded } = request
  const started = performance.now()
  const outcome = await applyPlan({
    executor,
    backend,
    ...(names ? { names } : {}),
    stateDir,
    plan,
    reason: `watch: repair ${parts.join(', ')}`,
    rehearse,
    unrecorded,
  })
  if (outcome.kind === 'unchanged') return
  request.onEvent({
    event: 'repaired',
    level: 'info',
    message: `repaired ${parts.join(', ')}`,
    parts,
    snapshot: outcome.snapshot,
    ms: Math.round(performance.now() - started),
  })
}

/** Each state of things once, however often it is looked at. */
function reportDrift({ plan, expired }: Goal, request: WatchRequest, state: State): void {
  const changes = plan.families.flatMap(({ family, changes }) =>
    changes.map((change) => ({
      family,
      change,
      isExpired:
        change.kind === 'rule-remove' &&
        expired.has(expiryKey(family, { ...change, key: change.before.key })),
    })),
  )
  const batches = plan.families.map(({ batch }) => batch.text)
  const said = digest(`${batches.join('\n')}\n${plan.sets?.digest}`)
  if (said === state.said) return
  state.said = said
  const drifted = changes.filter((one) => !one.isExpired)
  const parts = partsOf(plan).map((one) => one.name)
  const over = changes.length - drifted.length
  const changed = drifted.length + (plan.sets?.changes.length ?? 0)
  const message = changed === 0 ? `${over} expired` : `${changed} changed`
  request.onEvent({
    event: 'drift',
    level: changed === 0 ? 'info' : 'warn',
    message: `${message} in ${parts.join(', ')}`,
    cause: changed === 0 ? 'expiry' : 'change',
    parts,
    changes: changed,
    expired: over,
  })
}

/** As `Goal.expired` names a rule. */
export function expiryKey(
  family: Family,
  rule: { readonly table: string; readonly chain: string; readonly key: string },
): string {
  return `${family} ${rule.table} ${rule.chain} ${rule.key}`
}

async function heldBack(request: WatchRequest): Promise<HeldBack | undefined> {
  const { stateDir, pauseFile, windows, maintenance } = request
  const now = request.now()
  if (await readPause(stateDir, { now, file: pauseFile })) return 'paused'
  const pending = await readPending(stateDir).catch(() => undefined)
  if (pending?.state === 'pending') return 'pending'
  const isOpen = windows.length === 0 || windows.some((window) => isInWindow(window, now))
  if (!isOpen || maintenance.some((window) => isInWindow(window, now))) return 'window'
  return undefined
}

/** What held it back is over. */
async function hasBeenReleased(request: WatchRequest, { held }: State): Promise<boolean> {
  return held !== undefined && (await heldBack(request)) !== held
}

const HELD_BACK: Readonly<Record<HeldBack, string>> = {
  paused: 'paused, not repairing',
  pending: 'a change waits for its confirmation, not repairing',
  window: 'not repairing at this hour',
}

function heldBackEvent(reason: HeldBack): WatchEvent {
  return { event: 'held-back', level: 'warn', message: HELD_BACK[reason], reason }
}

function fightEvent(chain: string, { fight }: WatchRequest): WatchEvent {
  return {
    event: 'fight',
    level: 'error',
    message:
      `${chain} was repaired ${fight.limit} times and changed back each time: another program is at ` +
      'work on it. It is left alone for a while. Find that program, or take the chain out of the policy.',
    part: chain,
  }
}

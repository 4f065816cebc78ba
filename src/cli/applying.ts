/** Shows a plan, asks, and carries it out: what `apply` and `rollback` share. */
import { FwctlError } from '../base/error.ts'
import { type ApplyOutcome, type ApplyRequest, type ApplyStep, applyPlan } from '../host/apply.ts'
import type { Live } from '../host/live.ts'
import type { RehearseMode } from '../host/preflight.ts'
import type { StateDir } from '../host/state-dir.ts'
import { doesNoMore } from '../plan/no-more.ts'
import { isEmptyPlan, type Plan } from '../plan/plan.ts'
import { planText } from '../report/plan-text.ts'
import { approve } from './approval.ts'
import { awaitConfirmation, readConfirming } from './confirming.ts'
import type { Context } from './context.ts'
import { readLockWait } from './duration.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { showFindings } from './findings.ts'
import type { HostInput } from './host-input.ts'
import { requirePrune } from './pruning.ts'
import { targetWords } from './target.ts'

export interface Applying {
  readonly plan: Plan
  /** Plans anew when others have changed the host since. */
  readonly replan?: (live: Live) => Promise<Plan>
  /** Absent: the plan was made before it was known whether it would be applied. */
  readonly began?: ApplyRequest['began']
  readonly begunRehearsal?: ApplyRequest['begunRehearsal']
  readonly seen?: ApplyRequest['seen']
  readonly last?: ApplyRequest['last']
  readonly host: HostInput
  readonly stateDir: StateDir
  readonly reason: string
  readonly question: string
  /** A saved plan has been looked at already. */
  readonly approved: boolean
  /** The token of the unconfirmed change that this takes back. */
  readonly ends?: string
}

const STEPS: Readonly<Record<ApplyStep, string | undefined>> = {
  lock: undefined,
  read: undefined,
  rehearse: 'Rehearsing in a scratch network namespace …',
  snapshot: 'Saving a snapshot …',
  commit: 'Committing …',
  verify: 'Reading back …',
  undo: 'Going back to the rules before …',
}

/** Throws like `applyPlan`, and `usage` when there is nobody to ask. */
export async function showAndApply(applying: Applying, context: Context): Promise<ExitCode> {
  const shown = shownInTime(applying, context)
  try {
    return await applyShown(applying, shown, context)
  } finally {
    shown.now()
  }
}

/** Of a plan that nobody is asked about. */
interface Shown {
  /** Before anything is said after it, at the latest. */
  readonly now: () => void
  /** Says what is being done, after the plan; at once, or with it. */
  readonly note: (line: string, when: 'now' | 'later') => void
}

/**
 * To write down thousands of changes takes as long as to rehearse one: where nobody is asked, it is done
 * while the rehearsal runs. Before the host is touched it is done.
 */
function shownInTime({ plan, approved }: Applying, context: Context): Shown {
  const notes: string[] = []
  let isShown = false
  const now = (): void => {
    if (!isShown) showPlan(plan, context)
    isShown = true
    for (const line of notes.splice(0)) context.note(line)
  }
  const isAsked = !isEmptyPlan(plan) && !approved && context.options.autoApprove !== true
  if (isAsked) now()
  return {
    now,
    note: (line, when) => {
      notes.push(line)
      if (when === 'now' || isShown) now()
    },
  }
}

async function applyShown(applying: Applying, shown: Shown, context: Context): Promise<ExitCode> {
  const { plan, replan, began, host, stateDir, reason } = applying
  requirePrune(plan, context)
  const confirming = await readConfirming(context)
  return interruptible(context, async (signal) => {
    if (!isEmptyPlan(plan) && !applying.approved) {
      const yes = await approve(applying.question, context, signal)
      if (!yes) {
        context.complain('Not applied; nothing was changed.\n')
        return EXIT.failed
      }
    }
    const outcome = await applyPlan({
      ...host,
      plan,
      ...(replan && {
        replan: async (live) => {
          shown.now()
          return acceptAnew(plan, await replan(live), context)
        },
      }),
      began,
      begunRehearsal: applying.begunRehearsal,
      seen: applying.seen,
      last: applying.last,
      stateDir,
      reason,
      rehearse: context.options.rehearse as RehearseMode,
      lockWaitMs: readLockWait(context.options.lockWait),
      signal,
      confirm: confirming,
      ends: applying.ends,
      progress: (step) => {
        context.log.debug({ step }, 'apply')
        const line = STEPS[step]
        if (line !== undefined) shown.note(line, step === 'rehearse' ? 'later' : 'now')
      },
      meanwhile: shown.now,
    })
    shown.now()
    sayOutcome(outcome, context)
    if (outcome.kind === 'unchanged' || outcome.pending === undefined) return EXIT.done
    const { probes = [] } = confirming ?? {}
    return awaitConfirmation(outcome.pending, { host, stateDir, probes, signal }, context)
  })
}

function showPlan(plan: Plan, context: Context): void {
  context.print(
    planText(plan, {
      colour: context.colour.stdout,
      ...(context.columns === undefined ? {} : { width: context.columns }),
    }),
  )
}

/** Others have changed the host since the plan was shown. Nobody said yes to what it did not say. */
function acceptAnew(shown: Plan, again: Plan, context: Context): Plan {
  requirePrune(again, context)
  if (doesNoMore(again, shown)) {
    context.note('The host has changed meanwhile; what is to be done has not.')
    return again
  }
  if (context.options.autoApprove !== true) {
    throw new FwctlError(
      'stale-plan',
      'The host has changed since the plan was shown, and now it would do more than that. The host was ' +
        'not touched; look at the new plan.',
    )
  }
  context.note('The host has changed meanwhile. The plan is now:')
  showPlan(again, context)
  return again
}

function sayOutcome(outcome: ApplyOutcome, context: Context): void {
  if (outcome.recovery.kind !== 'nothing-open') context.complain(`${outcome.recovery.message}\n`)
  if (outcome.kind === 'unchanged') return
  showFindings(outcome.diagnostics, context)
  const { rehearsal, snapshot } = outcome
  if (rehearsal.kind === 'skipped' && context.options.rehearse !== 'off') {
    context.complain(`It was not rehearsed. ${rehearsal.reason}\n`)
  }
  context.note(`Applied and verified. To go back: ${rollbackCommand(snapshot, context)}`)
}

/** With the options that lead to the same host and the same state directory. */
function rollbackCommand(snapshot: string, context: Context): string {
  return ['fwctl rollback', snapshot, ...targetWords(context)].join(' ')
}

/** Runs `work` with a signal for the first Ctrl-C; further ones only say that it is heeded. */
async function interruptible<T>(
  { onInterrupt, complain }: Pick<Context, 'onInterrupt' | 'complain'>,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const stop = onInterrupt(() => {
    if (controller.signal.aborted) {
      complain('Still at it: a firewall is not left half-way.\n')
    } else {
      complain('\nStopping; the host will be left as it was …\n')
      controller.abort()
    }
  })
  try {
    return await work(controller.signal)
  } finally {
    stop()
  }
}

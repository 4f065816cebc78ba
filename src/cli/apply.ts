import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Turn, takeTurn } from '../host/apply.ts'
import { targetNames } from '../host/apply-sets.ts'
import { readLive } from '../host/live.ts'
import { type BegunRehearsal, beginRehearsal } from '../host/restore.ts'
import type { StateDir } from '../host/state-dir.ts'
import { planFromSaved, readSavedPlan, type SavedPlan } from '../plan/saved.ts'
import { showAndApply } from './applying.ts'
import type { Context } from './context.ts'
import { readLockWait } from './duration.ts'
import type { ExitCode } from './exit-codes.ts'
import { readInput } from './files.ts'
import { showFindings } from './findings.ts'
import { type HostInput, hasState, openHost, openState } from './host-input.ts'
import { finishInterrupted } from './interrupted.ts'
import { planPolicy } from './planning.ts'
import { liveSets } from './sets-input.ts'
import { DEFAULT_POLICY } from './verb.ts'

/** Exit 3 when a saved plan no longer fits, 4 and 5 when applying failed; see `EXIT`. */
export async function apply(context: Context): Promise<ExitCode> {
  const path = context.args[0]
  const text = path === undefined ? '' : await readInput(path, context)
  if (isSavedPlan(text)) return applySaved(readSavedPlan(text), context)
  const isReadOnce = path !== undefined && path !== '-' && !isFile(resolve(context.cwd, path))
  // What a pipe has given is taken for what stdin would give, which is read once, too.
  const given = { args: ['-'], stdinText: async () => text }
  return applyPolicy(isReadOnce ? { ...context, ...given } : context)
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

/** A broken plan is a broken plan, not a strange policy: so the beginning decides. */
function isSavedPlan(text: string): boolean {
  return /^\s*\{\s*"kind"\s*:\s*"fwctl-plan"/.test(text)
}

async function applyPolicy(context: Context): Promise<ExitCode> {
  let turn: Turn | undefined
  let begunRehearsal: BegunRehearsal | undefined
  // Nobody is asked: so what is read for the plan is what is changed. Not the first time: a plan that
  // can not be made leaves no state directory behind.
  const isOneGo = context.options.autoApprove === true && (await hasState(context))
  const before = async (host: HostInput): Promise<void> => {
    turn = await takeTurnFor(host, context)
  }
  // It will be wanted once the rules have been read, unless there is nothing to do.
  const met = (host: HostInput): void => {
    begunRehearsal = beginLikelyRehearsal(host, context)
  }
  try {
    let planned = await planPolicy(context, {
      before: isOneGo ? before : undefined,
      met: context.options.autoApprove === true ? met : undefined,
    })
    dropBegun(context)
    const { host = await openHost(context) } = planned
    const stateDir = await openState(context, host.executor)
    const isFinished = !turn && (await finishInterrupted(host.executor, stateDir, context))
    if (isFinished) planned = await planPolicy(context)
    const { plan, sources, live, others, replan } = planned
    showFindings(plan.diagnostics, context, sources)
    return await showAndApply(
      {
        plan,
        replan,
        began: turn && { turn, live, others },
        begunRehearsal,
        seen: live,
        last: turn && (await planned.record().catch(() => undefined)),
        host,
        stateDir,
        reason: context.options.reason ?? `apply ${context.args[0] ?? DEFAULT_POLICY}`,
        question: 'Apply these changes?',
        approved: false,
      },
      context,
    )
  } finally {
    await begunRehearsal?.abandon()
    await turn?.release()
  }
}

/** Of the family that most plans change, if one is wanted at all. */
function beginLikelyRehearsal(
  { executor, backend }: HostInput,
  { options }: Context,
): BegunRehearsal | undefined {
  const tools = backend.families[options.family ?? 'ipv4']
  return tools && options.rehearse !== 'off' ? beginRehearsal(executor, tools) : undefined
}

/** Says what became of a run that was cut short, before anything is planned on top of it. */
async function takeTurnFor(host: HostInput, context: Context): Promise<Turn> {
  const stateDir = await openState(context, host.executor)
  const lockWaitMs = readLockWait(context.options.lockWait)
  const turn = await takeTurn({ ...host, stateDir, lockWaitMs })
  const isTrue = turn.recovery.kind === 'nothing-open' && (await isUnchanged(stateDir, context))
  if (!isTrue) dropBegun(context)
  if (turn.recovery.kind !== 'nothing-open') context.complain(`${turn.recovery.message}\n`)
  return { ...turn, recovery: { kind: 'nothing-open' } }
}

/**
 * Whether no fwctl can have changed the host since what was begun early was begun: whoever does leaves
 * a trace in the directory afterwards, and has to have the lock for it, which we have now. What others
 * change is found out as for all that is read before a commit.
 */
async function isUnchanged(
  { machine, path }: StateDir,
  { begun = [] }: Pick<Context, 'begun'>,
): Promise<boolean> {
  if (begun.length === 0) return true
  const [directory] = await machine.files.inspect([path])
  const first = Math.min(...begun.map(({ startedAt }) => startedAt))
  return directory !== undefined && directory.modifiedMs < first - CLOCK_MARGIN_MS
}

/** The times of files are those of the last tick of the kernel, up to 10 ms ago. */
const CLOCK_MARGIN_MS = 30

/** From here on, everything is read anew. */
function dropBegun({ begun = [] }: Pick<Context, 'begun'>): void {
  for (const { stop } of begun) stop()
}

/** With the back end that the plan was made for, whatever the host's default is now. */
async function applySaved(saved: SavedPlan, context: Context): Promise<ExitCode> {
  const { options } = context
  const planned = saved.families[0]?.dialect.backend ?? 'auto'
  const host = await openHost(context, options.backend === 'auto' ? planned : options.backend)
  const turn = await takeTurnFor(host, context)
  try {
    const live = await readLive(host.executor, host.backend, {
      families: saved.families.map((one) => one.family),
      names: host.names,
    })
    dropBegun(context)
    const sets = saved.sets && (await liveSets(host, targetNames(saved.sets)))
    return await showAndApply(
      {
        plan: planFromSaved(saved, live, sets),
        began: { turn, live },
        host,
        stateDir: await openState(context, host.executor),
        reason: options.reason ?? `apply ${context.args[0]}`,
        question: '',
        approved: true,
      },
      context,
    )
  } finally {
    await turn.release()
  }
}

import { targetNames } from '../host/apply-sets.ts'
import { pendingSetsTarget, wayBackTargets } from '../host/confirm-way-back.ts'
import { readLive } from '../host/live.ts'
import { type PendingChange, readPending } from '../host/pending.ts'
import { planRollback, rollbackSetNames } from '../host/rollback.ts'
import { readSnapshot } from '../host/snapshots.ts'
import type { StateDir } from '../host/state-dir.ts'
import { makePlan } from '../plan/plan.ts'
import { DEFAULT_OWNERSHIP } from '../policy/policy.ts'
import { FAMILIES } from '../ruleset/model.ts'
import { showAndApply } from './applying.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './exit-codes.ts'
import { showFindings } from './findings.ts'
import { openExecutor, openHost, openState } from './host-input.ts'
import { finishInterrupted } from './interrupted.ts'
import { liveSets, setsMade } from './sets-input.ts'

/** The way back is a plan like any other: shown first, then applied. */
export async function rollback(context: Context): Promise<ExitCode> {
  const { options } = context
  const executor = await openExecutor(context)
  const stateDir = await openState(context, executor)
  await finishInterrupted(executor, stateDir, context)
  const pending = await readPending(stateDir)
  const isMeant = context.args[0] === undefined || pending?.snapshot.startsWith(context.args[0])
  if (pending?.state === 'pending' && isMeant) return takeBack(pending, stateDir, context)
  const snapshot = await readSnapshot(stateDir, context.args[0])
  const { meta } = snapshot
  const saved = FAMILIES.filter((family) => meta.families[family] !== undefined)
  const then = saved.map((family) => meta.families[family]?.backend)[0] ?? 'auto'
  const host = await openHost(context, options.backend === 'auto' ? then : options.backend)
  const live = await readLive(host.executor, host.backend, { families: saved, names: host.names })
  const madeSets = await setsMade(stateDir)
  const sets = await liveSets(host, rollbackSetNames(snapshot, madeSets))
  const about = { live, snapshot, stateDir, names: host.names, madeSets }
  const plan = await planRollback({ ...about, ...(sets && { sets }) })
  showFindings(plan.diagnostics, context)
  context.note(`Back to ${meta.id}, as it was before: ${meta.reason}`)
  return showAndApply(
    {
      plan,
      host,
      stateDir,
      reason: options.reason ?? `rollback to ${meta.id}`,
      question: 'Go back to this?',
      approved: false,
    },
    context,
  )
}

/** Takes back the change that waits for its confirmation, as its watchdog would. */
async function takeBack(
  pending: PendingChange,
  stateDir: StateDir,
  context: Context,
): Promise<ExitCode> {
  const { foreign, families, token } = pending
  const host = await openHost(context, families[0]?.tools.dialect.backend ?? 'auto')
  const { names } = host
  const live = await readLive(host.executor, host.backend, {
    families: families.map((one) => one.family),
    names,
  })
  const snapshot = await readSnapshot(stateDir, pending.snapshot)
  const target = pendingSetsTarget(pending, snapshot)
  const sets = target && (await liveSets(host, targetNames(target)))
  const plan = makePlan({
    ...(target && sets && { sets: { live: sets, goals: target.goals, made: target.removals } }),
    families: wayBackTargets(pending, snapshot, { live, names }).flatMap((target) => {
      const now = live[target.family]
      return now === undefined ? [] : [{ dialect: now.dialect, live: now.ruleset, target }]
    }),
    ownership: { ...DEFAULT_OWNERSHIP, foreign },
  })
  context.note(`Back to before the unconfirmed change of ${pending.createdAt}: ${pending.reason}`)
  return showAndApply(
    {
      plan,
      host,
      stateDir,
      reason: context.options.reason ?? `take back the unconfirmed change ${token}`,
      question: 'Take it back?',
      approved: false,
      ends: token,
    },
    context,
  )
}

import { readLive } from '../host/live.ts'
import { planRollback } from '../host/rollback.ts'
import { readSnapshot } from '../host/snapshots.ts'
import { FAMILIES } from '../ruleset/model.ts'
import { showAndApply } from './applying.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './exit-codes.ts'
import { showFindings } from './findings.ts'
import { openExecutor, openHost, openState } from './host-input.ts'

/** The way back is a plan like any other: shown first, then applied. */
export async function rollback(context: Context): Promise<ExitCode> {
  const { options } = context
  const stateDir = await openState(context, await openExecutor(context))
  const snapshot = await readSnapshot(stateDir, context.args[0])
  const { meta } = snapshot
  const saved = FAMILIES.filter((family) => meta.families[family] !== undefined)
  const then = saved.map((family) => meta.families[family]?.backend)[0] ?? 'auto'
  const host = await openHost(context, options.backend === 'auto' ? then : options.backend)
  const live = await readLive(host.executor, host.backend, { families: saved, names: host.names })
  const plan = await planRollback({ live, snapshot, stateDir, names: host.names })
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

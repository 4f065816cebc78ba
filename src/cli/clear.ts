import { readOwned } from '../host/before-lockdown.ts'
import { readLive } from '../host/live.ts'
import { readBaseline } from '../plan/drift.ts'
import { planClear } from '../plan/lockdown.ts'
import { KNOWN_TOOLS } from '../policy/policy.ts'
import { FAMILIES } from '../ruleset/model.ts'
import { showAndApply } from './applying.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './exit-codes.ts'
import { showFindings } from './findings.ts'
import { openExecutor, openHost, openState } from './host-input.ts'
import { finishInterrupted } from './interrupted.ts'
import { liveSets, setsMade } from './sets-input.ts'

/** Lets everything through where we had our say; with `--all` everywhere. */
export async function clear(context: Context): Promise<ExitCode> {
  const { options } = context
  const executor = await openExecutor(context)
  const stateDir = await openState(context, executor)
  await finishInterrupted(executor, stateDir, context)
  const records = await readOwned(stateDir)
  const then = FAMILIES.map((family) => records[0]?.families[family]?.backend).find(Boolean)
  const host = await openHost(context, options.backend === 'auto' ? then : options.backend)
  const families = FAMILIES.filter((family) => host.backend.families[family] !== undefined)
  const { names } = host
  const live = await readLive(host.executor, host.backend, { families, names })
  const made = await setsMade(stateDir)
  const sets = await liveSets(host, made)
  const plan = planClear({
    live,
    owned: (dialect) =>
      records.flatMap(({ families, ownership }) => {
        const applied = families[dialect.family]
        return applied === undefined ? [] : [readBaseline(applied, { ownership, dialect, names })]
      }),
    all: options.all === true,
    foreign: records[0]?.ownership.foreign ?? KNOWN_TOOLS,
    ...(sets && { sets: { live: sets, goals: [], made } }),
  })
  showFindings(plan.diagnostics, context)
  if (records.length === 0 && !options.all) {
    context.note('Nothing has been applied here, so nothing here is known to be ours; see --all.')
  }
  return showAndApply(
    {
      plan,
      host,
      stateDir,
      reason: options.reason ?? 'clear',
      question: 'Open this host?',
      approved: false,
    },
    context,
  )
}

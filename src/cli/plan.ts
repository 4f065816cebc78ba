import { FwctlError } from '../base/error.ts'
import { isEmptyPlan, type Plan } from '../plan/plan.ts'
import { touchedChains } from '../plan/touched.ts'
import type { PlanFormat } from '../report/plan-report.ts'
import { planText } from '../report/plan-text.ts'
import type { Context } from './context.ts'
import { driftSince } from './drift-input.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { writeResult } from './files.ts'
import { showFindings } from './findings.ts'
import { type HostInput, openHost } from './host-input.ts'
import { noteInterrupted } from './interrupted.ts'
import { type PlanInput, planPolicy } from './planning.ts'
import { requirePrune } from './pruning.ts'

/** Formats whose text holds the diagnostics itself. */
const SELF_CONTAINED: readonly string[] = ['json', 'markdown']

export async function plan(context: Context): Promise<ExitCode> {
  const { options, print, note } = context
  const planned = await planPolicy(context)
  const { sources, host } = planned
  if (host !== undefined) await noteInterrupted(context)
  const plan = await withDrift(planned, context)
  if (!SELF_CONTAINED.includes(options.format)) showFindings(plan.diagnostics, context, sources)
  if (options.rehearse) await rehearsePlan(plan, host ?? (await openHost(context)), context)
  print(await planReport(plan, context))
  requirePrune(plan, context)
  if (options.out !== undefined) {
    const { serialisePlan } = await import('../plan/saved.ts')
    // It holds the rules, and the values of variables in them.
    await writeResult(serialisePlan(plan), options.out, context, { mode: 0o600 })
    note(`To apply exactly this plan: fwctl apply ${options.out}`)
  }
  return options.detailedExitcode && !isEmptyPlan(plan) ? EXIT.pending : EXIT.done
}

/** With what was changed on the host since the last apply; a plan can be made without knowing it. */
async function withDrift({ plan, record: read }: PlanInput, context: Context): Promise<Plan> {
  try {
    const record = await read()
    return record === undefined ? plan : { ...plan, drift: driftSince(record, plan) }
  } catch (error) {
    if (context.options.applied !== undefined) throw error
    const reason = error instanceof Error ? error.message : String(error)
    context.note(`What was last applied can not be read, so drift is not shown. ${reason}`)
    return plan
  }
}

async function planReport(
  plan: Plan,
  { options, colour, columns }: Pick<Context, 'options' | 'colour' | 'columns'>,
): Promise<string> {
  const { format } = options
  const report =
    format === 'text'
      ? planText
      : (await import('../report/plan-report.ts')).PLAN_REPORTS[format as PlanFormat]
  return report(plan, {
    colour: colour.stdout,
    ...(columns === undefined ? {} : { width: columns }),
  })
}

/** Throws `rehearsal-failed` when the kernel would not take it. */
async function rehearsePlan(plan: Plan, host: HostInput, context: Context): Promise<void> {
  const [{ rehearse }, { describeProblem, rehearsalError }, { setsEditOf }] = await Promise.all([
    import('../host/rehearsal.ts'),
    import('../host/rehearsed.ts'),
    import('../host/sets.ts'),
  ])
  const rehearsal = await rehearse({
    ...host,
    families: plan.families.map(({ family, live, target, batch, changes }) => ({
      family,
      live,
      target,
      batch,
      touched: touchedChains(changes),
    })),
    sets: plan.sets && setsEditOf(plan.sets),
  })
  switch (rehearsal.kind) {
    case 'failed':
      context.log.info({ problems: rehearsal.problems.map(describeProblem) }, 'rehearsal failed')
      throw rehearsalError(rehearsal.problems)
    case 'passed':
      return context.note('Rehearsed in a scratch network namespace: the kernel takes it.')
    case 'skipped':
      throw new FwctlError(
        'no-permission',
        `The plan could not be rehearsed. ${rehearsal.reason} The host was not touched.`,
      )
  }
}

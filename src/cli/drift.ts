import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import { FwctlError } from '../base/error.ts'
import type { AppliedRecord } from '../host/applied.ts'
import { readLive } from '../host/live.ts'
import { diffSets } from '../ipset/diff.ts'
import { type Drift, findDrift, hasDrift, readBaseline } from '../plan/drift.ts'
import { heldSets } from '../plan/hold.ts'
import { DRIFT_REPORTS, type DriftFormat } from '../report/drift-report.ts'
import { FAMILIES } from '../ruleset/model.ts'
import type { Context } from './context.ts'
import { about, driftFromPolicy, driftSince, readRecord } from './drift-input.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { showFindings } from './findings.ts'
import { isOffline, openHost, readDumps } from './host-input.ts'
import { noteInterrupted } from './interrupted.ts'
import { planPolicy } from './planning.ts'
import { liveSets, setsFromFile } from './sets-input.ts'
import { DEFAULT_POLICY } from './verb.ts'

/** Exit 2 when the host was changed; that the policy was, is shown and is no drift. */
export async function drift(context: Context): Promise<ExitCode> {
  const { options, colour, columns } = context
  const record = await readRecord(context)
  if (!isOffline(context)) await noteInterrupted(context)
  const found = (await hasPolicy(context))
    ? await withPolicy(record, context)
    : await withoutPolicy(record, context)
  context.print(
    DRIFT_REPORTS[options.format as DriftFormat](found, {
      colour: colour.stdout,
      ...(columns === undefined ? {} : { width: columns }),
    }),
  )
  return hasDrift(found) ? EXIT.pending : EXIT.done
}

/** One that is named has to be there; the default one may be missing. */
async function hasPolicy({ args, cwd }: Context): Promise<boolean> {
  if (args[0] !== undefined) return true
  return access(resolve(cwd, DEFAULT_POLICY)).then(
    () => true,
    () => false,
  )
}

async function withPolicy(record: AppliedRecord | undefined, context: Context): Promise<Drift> {
  const { plan, sources } = await planPolicy(context)
  showFindings(
    plan.diagnostics.filter(({ severity }) => severity !== 'info'),
    context,
    sources,
  )
  if (record !== undefined) return driftSince(record, plan)
  context.note('Nothing is known to have been applied here: the policy stands in for it.')
  return driftFromPolicy(plan)
}

async function withoutPolicy(record: AppliedRecord | undefined, context: Context): Promise<Drift> {
  if (record === undefined) {
    throw new FwctlError(
      'usage',
      'Nothing is known to have been applied here, and there is no policy to compare with. Name one: ' +
        'fwctl drift POLICY.',
    )
  }
  const { family } = context.options
  const wanted = FAMILIES.filter(
    (one) => record.families[one] !== undefined && (family === undefined || family === one),
  )
  const host = isOffline(context) ? undefined : await openHost(context)
  const live = host
    ? await readLive(host.executor, host.backend, { families: wanted, names: host.names })
    : await readDumps(wanted, context)
  const goals = heldSets(record)
  const names = goals.map((goal) => goal.set.name)
  const sets = host ? await liveSets(host, names) : await setsFromFile(names, context)
  return {
    ...about(record),
    ...(sets && { sets: diffSets(sets, goals) }),
    families: wanted.flatMap((one) => {
      const found = live[one]
      const applied = record.families[one]
      if (found === undefined || applied === undefined) return []
      const { dialect } = found
      const baseline = readBaseline(applied, { ownership: record.ownership, dialect })
      return [findDrift({ live: found.ruleset, dialect, baseline })]
    }),
  }
}

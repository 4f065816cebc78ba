/**
 * Brings back, after a restart, what was last applied and confirmed: only what is ours, among
 * whatever other tools have loaded by then. Family by family, so that a fault in one does not leave
 * the other open; nothing is rehearsed, because these rules have been in this kernel before, and the
 * unit that runs this has no right to make namespaces.
 */
import { FwctlError } from '../base/error.ts'
import { heldSets, planHold } from '../plan/hold.ts'
import { FAMILIES, type Family } from '../ruleset/model.ts'
import { type AppliedRecord, readApplied } from './applied.ts'
import { type ApplyOutcome, applyPlan } from './apply.ts'
import { detectBackend, type HostBackend } from './backend.ts'
import type { Host } from './edit.ts'
import { readLive } from './live.ts'
import { readSets } from './sets.ts'
import type { StateDir } from './state-dir.ts'

export type RestoreResult =
  | { readonly family: Family; readonly kind: ApplyOutcome['kind'] }
  | { readonly family: Family; readonly kind: 'failed'; readonly error: unknown }

/** Undefined when nothing was ever applied. Throws FwctlError `untrusted-file` for a damaged record. */
export async function restoreConfirmed(
  host: Pick<Host, 'executor' | 'names'>,
  stateDir: StateDir,
  options: { readonly now: Date; readonly lockWaitMs?: number },
): Promise<readonly RestoreResult[] | undefined> {
  const record = await readApplied(stateDir)
  if (record === undefined) return undefined
  const results: RestoreResult[] = []
  for (const family of FAMILIES) {
    if (record.families[family] === undefined) continue
    try {
      const backend = await backendOf(host, record, family)
      results.push({
        family,
        kind: await restoreFamily({ ...host, backend }, stateDir, {
          ...options,
          record,
          family,
        }),
      })
    } catch (error) {
      results.push({ family, kind: 'failed', error })
    }
  }
  return results
}

async function restoreFamily(
  host: Host,
  stateDir: StateDir,
  input: {
    readonly record: AppliedRecord
    readonly family: Family
    readonly now: Date
    readonly lockWaitMs?: number
  },
): Promise<ApplyOutcome['kind']> {
  const { record, family, now, lockWaitMs } = input
  const { names } = host
  const live = await readLive(host.executor, host.backend, {
    families: [family],
    ...(names ? { names } : {}),
  })
  const wanted = heldSets(record).map((goal) => goal.set.name)
  const sets = wanted.length === 0 ? undefined : await readSets(host.executor, wanted)
  const plan = planHold({
    record,
    live,
    now,
    ...(sets ? { sets } : {}),
    ...(names ? { names } : {}),
  })
  const outcome = await applyPlan({
    ...host,
    plan,
    stateDir,
    reason: `restore what was applied at ${record.appliedAt}`,
    rehearse: 'off',
    unrecorded: true,
    ...(lockWaitMs === undefined ? {} : { lockWaitMs }),
  })
  return outcome.kind
}

/** The one that was in use then: the host's default may have changed since. */
async function backendOf(
  { executor }: Pick<Host, 'executor'>,
  record: AppliedRecord,
  family: Family,
): Promise<HostBackend> {
  const then = record.families[family]?.backend ?? 'auto'
  const backend = await detectBackend(executor, then)
  if (backend.families[family]) return backend
  throw new FwctlError(
    'missing-program',
    `${backend.missing[family] ?? ''} The ${family} rules could not be restored.`,
    { details: { family } },
  )
}

/** What apply writes down: the way back before it changes anything, and what it has made after it. */
import { FwctlError } from '../base/error.ts'
import { printState } from '../iptables/save.ts'
import { expiringRules } from '../plan/hold.ts'
import { FAMILIES, type Family } from '../ruleset/model.ts'
import { type AppliedFamily, type AppliedRecord, readApplied, writeApplied } from './applied.ts'
import { type ApplicablePlan, targetFor } from './apply-base.ts'
import { appliedSets } from './apply-sets.ts'
import { startCountdown } from './confirm.ts'
import type { Host } from './edit.ts'
import type { Staged } from './host-files.ts'
import { closeJournal } from './journal.ts'
import type { Live } from './live.ts'
import type { PendingChange } from './pending.ts'
import { chainNames, plainChains } from './plain-chains.ts'
import type { NativeLook } from './preflight.ts'
import { provenance } from './provenance.ts'
import type { SetsEdit } from './sets.ts'
import type { SnapshotMeta } from './snapshots.ts'
import type { StateDir } from './state-dir.ts'

interface Applying extends Host {
  readonly plan: ApplicablePlan
  readonly stateDir: StateDir
  readonly reason: string
}

/** What is to be recorded once it is done. */
export function appliedRecord(
  { plan, reason }: Pick<Applying, 'plan' | 'reason'>,
  live: Live,
  about: {
    readonly user: string
    readonly last: AppliedRecord | undefined
    readonly sets?: SetsEdit | undefined
    readonly snapshot?: Pick<SnapshotMeta, 'id' | 'createdAt'>
    /** Of the chains that have changed, those that are plain. */
    readonly plain?: NativeLook['plain'] | undefined
  },
): AppliedRecord {
  const { snapshot } = about
  const sets = appliedSets(plan.sets, about.sets, about.last)
  const families: Partial<Record<Family, AppliedFamily>> = {}
  for (const planned of plan.families) {
    const target = targetFor(planned, live)
    const expires = expiringRules(target)
    const { backend } = planned.dialect
    const before = plainChains(about.last?.families[planned.family], target, backend)
    const plain = chainNames([...(about.plain?.[planned.family] ?? []), ...before])
    families[planned.family] = {
      backend,
      rules: printState(target),
      ...(planned.desired === undefined ? {} : { desired: printState(planned.desired) }),
      ...(expires.length === 0 ? {} : { expires }),
      ...(plain && { plain }),
    }
  }
  return {
    formatVersion: 1,
    appliedAt: snapshot?.createdAt ?? new Date().toISOString(),
    user: about.user,
    reason,
    ...(plan.policyDigest === undefined ? {} : { policyDigest: plan.policyDigest }),
    ...(snapshot ? { snapshot: snapshot.id } : {}),
    ownership: plan.ownership,
    families,
    ...(sets && { sets }),
  }
}

/** A policy that changes nothing is from now on what drift is measured by, all the same. */
export async function recordUnchanged(request: Applying, live: Live): Promise<void> {
  const last = await readApplied(request.stateDir).catch(() => undefined)
  const { user } = await provenance(request.stateDir.machine)
  const record = appliedRecord(request, live, { user, last })
  const isKnown =
    last?.policyDigest === record.policyDigest &&
    JSON.stringify(last?.sets) === JSON.stringify(record.sets) &&
    FAMILIES.every((family) => isSame(last?.families[family], record.families[family]))
  if (!isKnown) await writeApplied(request.stateDir, record)
}

function isSame(a: AppliedFamily | undefined, b: AppliedFamily | undefined): boolean {
  return a?.rules === b?.rules && a?.desired === b?.desired
}

/** The journal is closed last: should this fail, the next run finds it and writes the record. */
export async function recordSuccess(
  host: Pick<Host, 'executor' | 'names'> & { readonly stateDir: StateDir },
  what: {
    readonly applied?: AppliedRecord
    /** `applied`, but for its name. */
    readonly staged?: Staged | undefined
    readonly armed: PendingChange | undefined
  },
): Promise<PendingChange | undefined> {
  const { stateDir } = host
  try {
    const pending = what.armed && (await startCountdown(host, what.armed))
    if (what.staged) await what.staged.publish()
    else if (what.applied) await writeApplied(stateDir, what.applied)
    await closeJournal(stateDir)
    return pending
  } catch (error) {
    throw new FwctlError(
      'command-failed',
      'The plan has been applied and checked, but that could not be recorded: ' +
        `${error instanceof Error ? error.message : error}. ${whatNext(what.armed)}`,
      { cause: error },
    )
  }
}

function whatNext(armed: PendingChange | undefined): string {
  if (armed === undefined) return 'The next run will do it.'
  return `It is rolled back at ${armed.deadline} unless it is confirmed: fwctl confirm ${armed.token}.`
}

/** What fwctl last applied, as far as the command line leads to it. */
import { resolve } from 'node:path'
import { FwctlError } from '../base/error.ts'
import {
  type AppliedFamily,
  type AppliedRecord,
  readApplied,
  readAppliedFile,
} from '../host/applied.ts'
import { requireTrustedDir, stateDirPaths } from '../host/state-dir.ts'
import { diffSets } from '../ipset/diff.ts'
import { printState } from '../iptables/save.ts'
import { type Baseline, type Drift, findDrift, readBaseline } from '../plan/drift.ts'
import { heldSets } from '../plan/hold.ts'
import type { FamilyPlan, Plan } from '../plan/plan.ts'
import type { Ruleset } from '../ruleset/model.ts'
import type { Context } from './context.ts'
import { hostExecutor, isOffline } from './host-input.ts'
import { stateRoot } from './target.ts'

/**
 * The record of `--applied`, else of the state directory; for dumps only of one that is named, since
 * who knows where they are from. Absent when nothing was ever applied.
 */
export async function readRecord(context: Context): Promise<AppliedRecord | undefined> {
  const { applied, stateDir } = context.options
  if (applied !== undefined) {
    const record = await readAppliedFile(resolve(context.cwd, applied))
    if (record !== undefined) return record
    throw new FwctlError('invalid-input', `Can not read ${applied}: there is no such file.`)
  }
  if (isOffline(context) && stateDir === undefined) return undefined
  const executor = isOffline(context) ? {} : await hostExecutor(context)
  const root = await stateRoot(context, executor)
  const paths = stateDirPaths(root, executor)
  try {
    await requireTrustedDir(root, paths)
    return await readApplied(paths)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code !== 'EACCES' && code !== 'no-permission') throw cause
    throw new FwctlError(
      'no-permission',
      `${paths.applied} can not be read: it is for the user who applies. Run this as that user.`,
      { cause },
    )
  }
}

/** The drift of a host, for the families that the plan and the record have. */
export function driftSince(record: AppliedRecord, plan: Plan): Drift {
  return {
    ...about(record),
    ...(plan.sets && { sets: diffSets(plan.sets.live, heldSets(record)) }),
    families: plan.families.flatMap((family) => {
      const applied = record.families[family.family]
      if (applied === undefined) return []
      const { dialect, live } = family
      if (isSettled(family, applied) && hasOwnership(record, plan)) {
        return [{ family: family.family, dialect, items: [], policyChanges: [] }]
      }
      const baseline = readBaseline(applied, { ownership: record.ownership, dialect })
      const { target, scope } = family
      const policy = { target, scope, ownership: plan.ownership }
      return [findDrift({ live, dialect, baseline, policy })]
    }),
  }
}

/**
 * Whether the policy declares what it declared then, and the host is what that comes to. The states that
 * drift is told from are then one and the same, and need not be read and compared.
 */
function isSettled({ changes, desired }: FamilyPlan, applied: AppliedFamily): boolean {
  return changes.length === 0 && desired !== undefined && isApplied(desired, applied)
}

/** Whether this was declared at the last apply. It is remembered: the texts that tell are long. */
export function isApplied(desired: Ruleset, applied: AppliedFamily): boolean {
  const known = answers.get(desired)
  if (known?.about === applied) return known.isSame
  const isSame = printState(desired) === applied.desired
  answers.set(desired, { about: applied, isSame })
  return isSame
}

const answers = new WeakMap<Ruleset, { readonly about: AppliedFamily; readonly isSame: boolean }>()

function hasOwnership({ ownership }: AppliedRecord, plan: Plan): boolean {
  return JSON.stringify(ownership) === JSON.stringify(plan.ownership)
}

/** Nothing was applied yet: what differs from the policy is taken for drift. */
export function driftFromPolicy(plan: Plan): Drift {
  const { ownership } = plan
  return {
    ...(plan.sets && { sets: plan.sets.changes }),
    families: plan.families.map((family) => {
      const { dialect, live, desired, target, scope } = family
      const baseline: Baseline = { desired: desired ?? target, ownership }
      return findDrift({ live, dialect, baseline, policy: { target, scope, ownership } })
    }),
  }
}

export function about(record: AppliedRecord): Pick<Drift, 'since' | 'by'> {
  return { since: record.appliedAt, by: `${record.user}, ${record.reason}` }
}

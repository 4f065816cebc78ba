/** What apply does about ipsets. */
import { FwctlError } from '../base/error.ts'
import { diffSets } from '../ipset/diff.ts'
import { parseSets } from '../ipset/save.ts'
import type { LiveSets, SetContents, SetGoal } from '../ipset/set.ts'
import { readGoal, saveGoal } from '../plan/saved-sets.ts'
import { type SetsPlan, setsDigest } from '../plan/set-plan.ts'
import type { AppliedRecord, AppliedSets } from './applied.ts'
import type { Executor } from './executor.ts'
import type { JournalSets } from './journal.ts'
import { leftovers, planSetsEdit, readSets, type SetsEdit, type SetsTarget } from './sets.ts'
import type { Snapshot, SnapshotContext } from './snapshots.ts'

/** Of a plan, what apply needs to know about sets. */
export type ApplicableSets = Pick<SetsPlan, 'goals' | 'removals' | 'digest'>

/** What is there, and what is to be done about it; `edit` is absent when nothing is. */
export interface FreshSets {
  readonly live: LiveSets
  readonly edit?: SetsEdit
}

/**
 * Reads the sets of a plan, and makes sure that what is to be done is what was planned. Throws
 * FwctlError `stale-plan`.
 */
export async function readSetsBase(
  executor: Executor,
  plan: ApplicableSets | undefined,
  signal: AbortSignal | undefined,
): Promise<FreshSets> {
  if (plan === undefined) return { live: new Map() }
  const { goals, removals, digest } = plan
  const live = await readSets(executor, targetNames(plan), signal)
  if (setsDigest(diffSets(live, goals, removals)) !== digest) {
    throw new FwctlError(
      'stale-plan',
      `The ipsets on ${executor.label} are no longer those that the plan was made from. The host was ` +
        'not touched; make a new plan and look at it.',
    )
  }
  const edit = planSetsEdit(live, plan)
  return { live, ...(edit && { edit }) }
}

export function targetNames({ goals, removals }: SetsTarget): readonly string[] {
  return [...goals.map((goal) => goal.set.name), ...removals]
}

/** For the snapshot: the sets that the plan is about, word for word. */
export function setsToSave(
  plan: ApplicableSets | undefined,
  live: LiveSets,
): SnapshotContext['sets'] {
  if (plan === undefined) return undefined
  const temporary = new Set(leftovers(live))
  const contents = new Map<string, SetContents>(
    plan.goals.map((goal) => [goal.set.name, goal.contents]),
  )
  const saved = [...live.values()].filter((set) => !temporary.has(set.name))
  // A list can only be restored after its members.
  const inOrder = saved.toSorted((a, b) => Number(isList(a)) - Number(isList(b)))
  return {
    text: inOrder.map((set) => set.text).join(''),
    contents: Object.fromEntries(saved.map(({ name }) => [name, contents.get(name) ?? 'exact'])),
  }
}

function isList(set: { readonly header: { readonly type: string } }): boolean {
  return set.header.type === 'list:set'
}

export function journalSets(edit: SetsEdit | undefined): JournalSets | undefined {
  if (edit === undefined) return undefined
  const { changes, goals, removals } = edit
  const touched = changes.map((change) => change.name)
  const own = goals.filter((goal) => touched.includes(goal.set.name))
  return { touched, goals: own.map(saveGoal), removals }
}

/** What a journal wanted to make of the sets. */
export function journalTarget({ goals, removals }: JournalSets): SetsTarget {
  return { goals: goals.flatMap((saved) => readGoal(saved) ?? []), removals }
}

/** The sets that are written down in a snapshot: all, or some, as what to go back to. */
export function snapshotTarget(
  { meta, sets = '' }: Snapshot,
  names: readonly string[] = Object.keys(meta.sets?.contents ?? {}),
): SetsTarget {
  const saved = parseSets(sets, (name) => names.includes(name)).sets
  const goals = [...saved.values()].map(({ name, header, entries }): SetGoal => {
    const contents = meta.sets?.contents[name] ?? 'exact'
    // Others went on filling it: what was in it then is put in, and what came since stays.
    return { set: { name, header, entries }, contents: contents === 'exact' ? 'exact' : 'shared' }
  })
  return { goals, removals: names.filter((name) => !saved.has(name)) }
}

/** For the record: which sets are ours by now. */
export function appliedSets(
  plan: ApplicableSets | undefined,
  edit: SetsEdit | undefined,
  last: AppliedRecord | undefined,
): AppliedSets | undefined {
  const before = last?.sets?.made ?? []
  if (plan === undefined) return before.length === 0 ? undefined : last?.sets
  const made = (edit?.changes ?? []).flatMap((change) =>
    change.kind === 'set-add' ? [change.name] : [],
  )
  const gone = new Set(plan.removals)
  return {
    made: [...new Set([...before, ...made])].filter((name) => !gone.has(name)).sort(),
    goals: plan.goals.map(saveGoal),
  }
}

/** Fills and swaps the sets of a plan where it can do no harm. */

import { formatPosition } from '../base/diagnostic.ts'
import { createHeader } from '../ipset/batch.ts'
import { printHeader } from '../ipset/header.ts'
import type { SetGoal } from '../ipset/set.ts'
import type { Executor } from './executor.ts'
import { copySetHeaders } from './ipsets.ts'
import { openScratchNamespace } from './scratch-namespace.ts'
import { leftovers, runSets, type SetsEdit, verifySets } from './sets.ts'

export type SetsRehearsal =
  | { readonly kind: 'passed' }
  | { readonly kind: 'skipped'; readonly reason: string }
  | { readonly kind: 'failed'; readonly message: string }

/** Both halves of the batch on copies of the live sets, and what is then there. */
export async function rehearseSets(
  executor: Executor,
  edit: SetsEdit,
  signal: AbortSignal | undefined,
): Promise<SetsRehearsal> {
  const scratch = await openScratchNamespace(executor, signal)
  if ('reason' in scratch) {
    return { kind: 'skipped', reason: `There can be no scratch namespace: ${scratch.reason}` }
  }
  try {
    const unseeded = await seed(executor, scratch.executor, { edit, signal })
    if (unseeded !== undefined) return { kind: 'skipped', reason: unseeded }
    const failure =
      (await runSets(scratch.executor, edit.batch.before)) ??
      (await runSets(scratch.executor, edit.batch.after)) ??
      (await verifySets(scratch.executor, edit))
    if (failure === undefined) return { kind: 'passed' }
    return { kind: 'failed', message: `${failure}${placeOf(failure, edit.goals)}` }
  } finally {
    await scratch.close()
  }
}

/** The sets that change as they are, and empty ones for the other members of lists. */
async function seed(
  host: Executor,
  scratch: Executor,
  { edit, signal }: { readonly edit: SetsEdit; readonly signal: AbortSignal | undefined },
): Promise<string | undefined> {
  const touched = new Set([...edit.changes.map((one) => one.name), ...leftovers(edit.before)])
  const seeds = [...edit.before.values()].filter((set) => touched.has(set.name))
  const lists = [...seeds, ...edit.goals.map((goal) => goal.set)].filter(
    (set) => set.header.type === 'list:set',
  )
  const members = lists.flatMap((set) => set.entries.map((entry) => entry.element))
  const others = new Set(members.filter((name) => !touched.has(name)))
  await copySetHeaders(host, scratch, others, signal)
  const isList = (set: { readonly header: { readonly type: string } }): boolean =>
    set.header.type === 'list:set'
  const inOrder = seeds.toSorted((a, b) => Number(isList(a)) - Number(isList(b)))
  const failure = await runSets(scratch, inOrder.map((set) => set.text).join(''))
  return failure && `The sets that are live can not be loaded into a scratch namespace: ${failure}`
}

/** Where the set that a failure is about is declared. */
function placeOf(failure: string, goals: readonly SetGoal[]): string {
  const name = /"(?:create|add) (\S+) /.exec(failure)?.[1]
  const origin = goals.find((goal) => goal.set.name === name)?.origin
  return origin === undefined ? '' : ` (${formatPosition(origin)})`
}

/** What a plan creates, by name, as lines for `ipset restore`: rules need no entries. */
export function createdHeaders({ changes }: SetsEdit): readonly (readonly [string, string])[] {
  return changes.flatMap((change) => {
    if (change.kind === 'set-change' || change.kind === 'set-remove') return []
    const { name, header, entries } = change.goal.set
    return [[name, `create ${name} ${printHeader(createHeader(header, entries.length))}`]]
  })
}

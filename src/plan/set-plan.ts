/** What becomes of the ipsets: the part of a plan that is about no table. */
import type { Diagnostic } from '../base/diagnostic.ts'
import { digest } from '../base/digest.ts'
import { FwctlError } from '../base/error.ts'
import { diffSets, type EntryChanges, type SetChange } from '../ipset/diff.ts'
import { countReferences } from '../ipset/references.ts'
import { printEntry } from '../ipset/save.ts'
import type { LiveSets, SetEntry, SetGoal } from '../ipset/set.ts'
import type { Ruleset } from '../ruleset/model.ts'

export interface SetsPlan {
  readonly live: LiveSets
  readonly goals: readonly SetGoal[]
  /** Sets that go: fwctl made them, nobody declares them any more, and nobody uses them. */
  readonly removals: readonly string[]
  readonly changes: readonly SetChange[]
  /** `setsDigest` of the changes: the plan holds as long as they are what is to be done. */
  readonly digest: string
}

export interface SetsPlanInput {
  readonly live: LiveSets
  readonly goals: readonly SetGoal[]
  /** Sets that fwctl made; those that are no goal go. */
  readonly made: readonly string[]
  /** The rules before and after, as far as they are known. */
  readonly rules: readonly { readonly live: Ruleset; readonly target: Ruleset }[]
}

/**
 * Throws `refused` for a set in use that would have to become one of a type that the kernel does not
 * swap it with: rules would be without their set for a moment.
 */
export function planSets(input: SetsPlanInput): {
  readonly plan: SetsPlan
  readonly diagnostics: readonly Diagnostic[]
} {
  const { live, goals, made } = input
  const declared = new Set(goals.map((goal) => goal.set.name))
  const undeclared = made.filter((name) => !declared.has(name) && live.has(name))
  const used = usedAfterwards(input, undeclared)
  const removals = undeclared.filter((name) => !used.has(name))
  const changes = diffSets(live, goals, removals)
  for (const change of changes) refuseInUse(change, input)
  const diagnostics = [...used].map(
    ([name, count]): Diagnostic => ({
      code: 'set-in-use',
      severity: 'warning',
      message: `set ${name} is declared no more, but stays: others use it (${countUsers(count)})`,
    }),
  )
  return { plan: { live, goals, removals, changes, digest: setsDigest(changes) }, diagnostics }
}

/** How many users sets keep when the plan is carried out: those that the kernel knows, and we not. */
function usedAfterwards(
  { live, goals, rules }: SetsPlanInput,
  names: readonly string[],
): ReadonlyMap<string, number> {
  if (names.length === 0) return new Map()
  const before = countReferences(rules.map((one) => one.live))
  const after = countReferences(rules.map((one) => one.target))
  const members = (
    sets: Iterable<{ readonly entries: readonly SetEntry[] }>,
    name: string,
  ): number =>
    [...sets].flatMap((set) => set.entries).filter((entry) => entry.element === name).length
  const goalLists = goals.map((goal) => goal.set).filter((set) => set.header.type === 'list:set')
  const isGoal = new Set(goalLists.map((set) => set.name))
  const lists = [...live.values()].filter((set) => set.header.type === 'list:set')
  // A list that goes, or that becomes another, uses its members no more.
  const ending = lists.filter((set) => isGoal.has(set.name) || names.includes(set.name))
  const left = names.map((name): [string, number] => {
    const known = live.get(name)?.references
    const now = known ?? before.get(name) ?? 0
    const gone = (before.get(name) ?? 0) + (known === undefined ? 0 : members(ending, name))
    return [name, now - gone + (after.get(name) ?? 0) + members(goalLists, name)]
  })
  return new Map(left.filter(([, count]) => count > 0))
}

function refuseInUse(change: SetChange, { rules }: SetsPlanInput): void {
  if (change.kind !== 'set-recreate' || change.swaps) return
  const { name, before, goal } = change
  const users = before.references ?? countReferences(rules.map((one) => one.live)).get(name) ?? 0
  if (users === 0) return
  const { file, line, column } = goal.origin ?? {}
  const at = file === undefined ? '' : ` (${file}:${line}:${column})`
  throw new FwctlError(
    'refused',
    `Set ${name} is of type ${before.header.type} and in use (${countUsers(users)}), and the kernel ` +
      `can not put a set of type ${goal.set.header.type}${familyOf(change)} in its place${at}. Declare ` +
      'it under another name and use that in the rules: fwctl then makes the new set, moves the rules ' +
      'over and removes the old set. The host was not touched.',
    { details: { set: name, from: before.header.type, to: goal.set.header.type, users } },
  )
}

function countUsers(count: number): string {
  return count === 1 ? 'one rule or list' : `${count} rules or lists`
}

function familyOf({
  before,
  goal,
}: {
  readonly before: SetGoal['set']
  readonly goal: SetGoal
}): string {
  const { family } = goal.set.header
  return family === undefined || family === before.header.family ? '' : ` (${family})`
}

/** Equal digests: the same is to be done to the same sets. Counters and time left do not matter. */
export function setsDigest(changes: readonly SetChange[]): string {
  const parts = changes.map((change) => {
    const head = `${change.kind} ${change.name}`
    if (change.kind === 'set-add' || change.kind === 'set-remove') return [head]
    const reasons = change.kind === 'set-recreate' ? change.reasons : []
    return [head, ...reasons, ...entryTexts(change)]
  })
  return digest(JSON.stringify(parts))
}

function entryTexts({ added, removed, changed, reordered }: EntryChanges): string[] {
  const text = (sign: string, entry: SetEntry): string => {
    const { timeout: _t, packets: _p, bytes: _b, ...rest } = entry
    return `${sign} ${printEntry(rest)}`
  }
  return [
    ...added.map((entry) => text('+', entry)),
    ...removed.map((entry) => text('-', entry)).sort(),
    ...changed.map(({ after }) => text('~', after)),
    ...(reordered ? ['order'] : []),
  ]
}

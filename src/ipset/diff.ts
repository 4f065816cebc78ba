/** What differs between the sets of the kernel and what they should be. */
import { canonicalElements } from './element.ts'
import { entryKey } from './entry.ts'
import { headerDifferences } from './header.ts'
import { isProblem } from './problem.ts'
import type { LiveSet, LiveSets, SetEntry, SetGoal, SetHeader } from './set.ts'
import { canSwap } from './set-types.ts'

export interface SetAdd {
  readonly kind: 'set-add'
  readonly name: string
  readonly goal: SetGoal
}

/** Entries of a set that stays. */
export interface SetEdit extends EntryChanges {
  readonly kind: 'set-change'
  readonly name: string
  readonly before: LiveSet
  readonly goal: SetGoal
}

/** A set with another type or other options: made anew and put in the place of the old one. */
export interface SetRecreate extends EntryChanges {
  readonly kind: 'set-recreate'
  readonly name: string
  readonly before: LiveSet
  readonly goal: SetGoal
  /** `maxelem 65536 => 131072` */
  readonly reasons: readonly string[]
  /** False: the kernel can not swap the two, so nothing may use the set meanwhile. */
  readonly swaps: boolean
}

export interface SetRemove {
  readonly kind: 'set-remove'
  readonly name: string
  readonly before: LiveSet
}

export interface EntryChanges {
  readonly added: readonly SetEntry[]
  readonly removed: readonly SetEntry[]
  readonly changed: readonly { readonly before: SetEntry; readonly after: SetEntry }[]
  /** Of a list: the same members in another order. */
  readonly reordered: boolean
  /** Of the goal's entries, those that are there, by the goal's words. */
  readonly kept: ReadonlyMap<SetEntry, SetEntry>
}

export type SetChange = SetAdd | SetEdit | SetRecreate | SetRemove
export type SetChangeKind = SetChange['kind']

/** The changes that lead from live to the goals; `removals` go if they are there. */
export function diffSets(
  live: LiveSets,
  goals: readonly SetGoal[],
  removals: readonly string[] = [],
): readonly SetChange[] {
  const changes = goals.flatMap((goal): SetChange[] => {
    const before = live.get(goal.set.name)
    const { name } = goal.set
    if (before === undefined) return [{ kind: 'set-add', name, goal }]
    const change = diffSet(before, goal)
    return change === undefined ? [] : [change]
  })
  const gone = removals.flatMap((name): SetChange[] => {
    const before = live.get(name)
    return before === undefined ? [] : [{ kind: 'set-remove', name, before }]
  })
  return [...changes, ...gone]
}

function diffSet(before: LiveSet, goal: SetGoal): SetEdit | SetRecreate | undefined {
  const { name, header, entries } = goal.set
  const reasons = headerDifferences(before.header, header, entries.length)
  const changes = diffEntries(before, goal)
  if (reasons.length > 0) {
    const swaps = canSwap(before.header, header)
    return { kind: 'set-recreate', name, before, goal, reasons, swaps, ...changes }
  }
  const { added, removed, changed, reordered } = changes
  const isSame = added.length + removed.length + changed.length === 0 && !reordered
  return isSame ? undefined : { kind: 'set-change', name, before, goal, ...changes }
}

function diffEntries(before: LiveSet, { set, contents }: SetGoal): EntryChanges {
  const rest = new Map(before.entries.map((entry) => [entryKey(entry), entry]))
  const missing = new Map<string, SetEntry>()
  const kept = new Map<SetEntry, SetEntry>()
  for (const entry of set.entries) {
    const key = entryKey(entry)
    const found = rest.get(key)
    if (found === undefined) missing.set(key, entry)
    else {
      kept.set(entry, found)
      rest.delete(key)
    }
  }
  if (missing.size > 0) matchOtherSpellings({ missing, rest, kept, header: before.header })
  const changed = [...kept].flatMap(([after, live]) =>
    sameEntry(live, after, set.header, before.header) ? [] : [{ before: live, after }],
  )
  for (const { after } of changed) kept.delete(after)
  const isList = set.header.type === 'list:set'
  return {
    added: [...missing.values()],
    // The kernel's order is that of its hash, and another each time.
    removed: contents === 'exact' ? [...rest.values()].sort(byElement) : [],
    changed,
    reordered: isList && contents === 'exact' && isReordered(before.entries, set.entries),
    kept,
  }
}

function byElement(a: SetEntry, b: SetEntry): number {
  return a.element < b.element ? -1 : 1
}

/**
 * Protocols are printed by the names in the host's /etc/protocols, or as numbers where there are
 * none. And to an entry of `bitmap:ip,mac` without a MAC address the kernel adds the first it sees.
 */
function matchOtherSpellings(input: {
  readonly missing: Map<string, SetEntry>
  readonly rest: Map<string, SetEntry>
  readonly kept: Map<SetEntry, SetEntry>
  readonly header: SetHeader
}): void {
  const { missing, rest, kept, header } = input
  const learns = header.type === 'bitmap:ip,mac'
  for (const [liveKey, live] of rest) {
    const elements = canonicalElements(live.element, header)
    const element = isProblem(elements) ? live.element : (elements[0] ?? live.element)
    const keys = [entryKey({ ...live, element }), ...(learns ? [element.split(',')[0] ?? ''] : [])]
    const key = keys.find((one) => missing.has(one))
    const entry = key === undefined ? undefined : missing.get(key)
    if (key === undefined || entry === undefined) continue
    kept.set(entry, live)
    missing.delete(key)
    rest.delete(liveKey)
  }
}

/** What only one of the two headers has room for is no difference of the entry, but of the header. */
function sameEntry(
  live: SetEntry,
  goal: SetEntry,
  header: SetHeader,
  liveHeader: SetHeader,
): boolean {
  const has = (key: 'comment' | 'skbinfo'): boolean => !!header[key] && !!liveHeader[key]
  if (live.nomatch !== goal.nomatch) return false
  if (has('comment') && (live.comment ?? '') !== (goal.comment ?? '')) return false
  if (has('skbinfo')) {
    if (live.skbmark !== goal.skbmark || live.skbprio !== goal.skbprio) return false
    if ((live.skbqueue ?? 0) !== (goal.skbqueue ?? 0)) return false
  }
  return sameTimeout(live, goal, header, liveHeader)
}

/**
 * A timeout runs down, so what is left of it equals any declared time that it can have started from.
 * More than that, or an end where none is declared, is a difference. An entry that has run out is
 * missing, and comes again with the next apply.
 */
function sameTimeout(
  live: SetEntry,
  goal: SetEntry,
  header: SetHeader,
  liveHeader: SetHeader,
): boolean {
  const wanted = goal.timeout ?? header.timeout
  if (wanted === undefined || liveHeader.timeout === undefined) return true
  const left = live.timeout ?? 0
  return wanted === 0 ? left === 0 : left > 0 && left <= wanted
}

function isReordered(before: readonly SetEntry[], after: readonly SetEntry[]): boolean {
  const there = new Set(before.map((entry) => entry.element))
  const wanted = new Set(after.map((entry) => entry.element))
  const common = before.filter((entry) => wanted.has(entry.element))
  const goal = after.filter((entry) => there.has(entry.element))
  return common.some((entry, i) => entry.element !== goal[i]?.element)
}

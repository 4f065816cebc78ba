/**
 * Input of `ipset restore` that makes the changes.
 *
 * Goals, and how each is met:
 * 1. No packet sees half of a change: a set is filled under a name of our own and then swapped in,
 *    which the kernel does in one step, also under rules that use it. Only few entries among many go
 *    one by one, and only where each entry stands for itself: first what comes, then what goes.
 * 2. Nothing that is in use changes before everything is there: first all sets are filled, then all
 *    are swapped.
 * 3. What does not change keeps what the kernel knows of it: counters and the time that is left go
 *    into the new set along with the entry.
 * 4. Sets are there before the rules that use them, and go after them: `before` and `after`.
 */
import { digest } from '../base/digest.ts'
import { BUILTIN_NAMES } from '../extensions/builtin-names.ts'
import type { EntryChanges, SetChange, SetEdit, SetRecreate } from './diff.ts'
import { canonicalElements } from './element.ts'
import { entryKey } from './entry.ts'
import { DEFAULT_MAXELEM, maxelemFor, printHeader } from './header.ts'
import { isProblem } from './problem.ts'
import { printEntry } from './save.ts'
import { type IpSet, type SetEntry, type SetGoal, type SetHeader, TEMPORARY_PREFIX } from './set.ts'
import { withProtocolNumber } from './set-port.ts'
import { typeOf } from './set-types.ts'

export interface SetBatch {
  /** To be run before the rules change; empty when there is nothing to do. */
  readonly before: string
  /** To be run when they have changed. */
  readonly after: string
}

/** @param leftovers Temporary sets that an fwctl which was killed has left behind. */
export function setBatch(
  changes: readonly SetChange[],
  leftovers: readonly string[] = [],
): SetBatch {
  const stages = { plain: [], lists: [], edits: [], swaps: [], ends: [] } as Record<
    'plain' | 'lists' | 'edits' | 'swaps' | 'ends',
    string[]
  >
  const gone: { readonly name: string; readonly isList: boolean }[] = []
  for (const change of changes) {
    if (change.kind === 'set-remove') {
      gone.push({ name: change.name, isList: change.before.header.type === 'list:set' })
      continue
    }
    const { set } = change.goal
    const stage = set.header.type === 'list:set' ? stages.lists : stages.plain
    if (change.kind === 'set-add') {
      stage.push(...createLines(set))
    } else if (change.kind === 'set-change' && goesOneByOne(change)) {
      stages.edits.push(...editLines(change))
    } else {
      const temporary = temporaryName(change.name)
      stage.push(...createLines({ ...refilled(change), name: temporary }))
      if (change.kind === 'set-recreate' && !change.swaps) {
        stage.push(`destroy ${change.name}`, `rename ${temporary} ${change.name}`)
      } else {
        stages.swaps.push(`swap ${temporary} ${change.name}`)
        stages.ends.push(`destroy ${temporary}`)
      }
    }
  }
  const { plain, lists, edits, swaps, ends } = stages
  const before = [...plain, ...lists, ...edits, ...swaps, ...ends]
  const after = [...gone].sort((a, b) => Number(b.isList) - Number(a.isList))
  return {
    before: lines([
      ...(before.length > 0 ? leftovers.map((name) => `destroy ${name}`) : []),
      ...before,
    ]),
    after: lines(after.map(({ name }) => `destroy ${name}`)),
  }
}

/** The same for the same set, so that a leftover is found; within ipset's 31 bytes. */
export function temporaryName(name: string): string {
  return `${TEMPORARY_PREFIX}${digest(name).slice('sha256:'.length, 'sha256:'.length + 12)}`
}

/** The header to create a set with: with room for its entries. */
export function createHeader(header: SetHeader, entries: number): SetHeader {
  const isHash = header.type.startsWith('hash')
  if (!isHash || header.maxelem !== undefined || entries <= DEFAULT_MAXELEM) return header
  return { ...header, maxelem: maxelemFor(entries) }
}

function createLines({ name, header, entries }: IpSet): string[] {
  const head = `create ${name} ${printHeader(createHeader(header, entries.length))}`
  return [head, ...ordered(entries).map((entry) => `add ${name} ${restorable(entry, header)}`)]
}

/** The kernel takes `eth0` for known when the wildcard `eth` of the same network is there first. */
function ordered(entries: readonly SetEntry[]): readonly SetEntry[] {
  if (!entries.some((entry) => entry.wildcard)) return entries
  const rank = (entry: SetEntry): number => (entry.wildcard ? -entry.element.length : -1000)
  return [...entries].sort((a, b) => rank(a) - rank(b))
}

function restorable(entry: SetEntry, header: SetHeader): string {
  const hasPort = (typeOf(header).parts as readonly string[]).includes('port')
  return printEntry(entry, hasPort ? withProtocolNumber(entry.element, BUILTIN_NAMES) : undefined)
}

/** What is quicker to edit than to fill anew. */
const FEW = 8
const SHARE = 4

/** Whether each entry stands for itself, and they are few. */
function goesOneByOne({ before, goal, added, removed, changed }: SetEdit): boolean {
  const { type, maxelem } = before.header
  const count = added.length + removed.length + changed.length
  if (count > Math.max(FEW, before.entries.length / SHARE)) return false
  if (type === 'list:set' || type === 'bitmap:ip,mac') return false
  const room = type.startsWith('hash') ? (maxelem ?? DEFAULT_MAXELEM) : Number.POSITIVE_INFINITY
  if (before.entries.length + added.length > room) return false
  const isEntangled = (entry: SetEntry): boolean => !!entry.nomatch || !!entry.wildcard
  return !before.entries.some(isEntangled) && !goal.set.entries.some(isEntangled)
}

function editLines({ name, before, added, removed, changed }: SetEdit): string[] {
  const { header } = before
  const come = [
    ...added,
    ...changed.map(({ before: old, after }) => withCounters(after, old, header)),
  ]
  return [
    ...come.map((entry) => `add ${name} ${restorable(entry, header)} -exist`),
    ...removed.map(
      (entry) => `del ${name} ${restorable({ element: entry.element }, header)} -exist`,
    ),
  ]
}

/** The goal's entries with what the kernel knows of them, and the entries that are others'. */
function refilled(change: SetEdit | SetRecreate): IpSet {
  const { before, goal, kept, changed } = change
  const { header } = goal.set
  const old = new Map(changed.map((one) => [one.after, one.before]))
  const own = goal.set.entries.map((entry) => {
    const live = kept.get(entry)
    if (live !== undefined) return withTimeLeft(withCounters(entry, live, header), live, header)
    return withCounters(entry, old.get(entry), header)
  })
  return {
    name: change.name,
    header,
    entries: [...own, ...othersEntries(before.entries, goal, change)],
  }
}

function othersEntries(
  live: readonly SetEntry[],
  goal: SetGoal,
  { kept, changed }: EntryChanges,
): SetEntry[] {
  if (goal.contents === 'exact') return []
  const own = new Set([...kept.values(), ...changed.map((one) => one.before)].map(entryKey))
  const { header, entries } = goal.set
  // Under other masks, two entries can become one.
  const taken = new Set(entries.map(entryKey))
  return live.flatMap((entry) => {
    if (own.has(entryKey(entry))) return []
    const elements = canonicalElements(entry.element, header)
    const [element] = isProblem(elements) || elements.length !== 1 ? [] : elements
    const key = element === undefined ? undefined : entryKey({ ...entry, element })
    if (element === undefined || key === undefined || taken.has(key)) return []
    taken.add(key)
    const { comment, timeout, skbmark, skbprio, skbqueue, ...rest } = entry
    const fitting: SetEntry = {
      ...rest,
      element,
      ...(header.comment && comment !== undefined ? { comment } : {}),
      ...(header.timeout !== undefined && timeout !== undefined ? { timeout } : {}),
      ...(header.skbinfo && skbmark !== undefined ? { skbmark } : {}),
      ...(header.skbinfo && skbprio !== undefined ? { skbprio } : {}),
      ...(header.skbinfo && skbqueue !== undefined ? { skbqueue } : {}),
    }
    return [header.counters ? fitting : withoutCounters(fitting)]
  })
}

function withoutCounters({ packets: _p, bytes: _b, ...entry }: SetEntry): SetEntry {
  return entry
}

function withCounters(entry: SetEntry, live: SetEntry | undefined, header: SetHeader): SetEntry {
  if (!header.counters || live?.packets === undefined || live.bytes === undefined) return entry
  return { ...entry, packets: live.packets, bytes: live.bytes }
}

function withTimeLeft(entry: SetEntry, live: SetEntry, header: SetHeader): SetEntry {
  if (header.timeout === undefined || live.timeout === undefined) return entry
  return { ...entry, timeout: live.timeout }
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('')
}

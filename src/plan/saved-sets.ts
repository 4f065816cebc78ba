/** Sets in a file: in saved plans, in the journal and in the record of what was applied. */
import { canonicalEntries } from '../ipset/entry.ts'
import { canonicalHeader, printHeader } from '../ipset/header.ts'
import { isProblem } from '../ipset/problem.ts'
import { parseSets, printEntry, printSet } from '../ipset/save.ts'
import {
  type IpSet,
  MAX_NAME_BYTES,
  SET_NAME,
  type SetContents,
  type SetGoal,
  TEMPORARY_PREFIX,
} from '../ipset/set.ts'

export interface SavedSet {
  /** As `ipset restore` reads it. */
  readonly text: string
  readonly contents: SetContents
  readonly origin: { readonly file: string; readonly line: number; readonly column: number } | null
}

export interface SavedSets {
  readonly goals: readonly SavedSet[]
  readonly removals: readonly string[]
  readonly digest: string
}

export function saveGoal({ set, contents, origin }: SetGoal): SavedSet {
  const { file = '', line = 1, column = 1 } = origin ?? {}
  return { text: printSet(set), contents, origin: origin ? { file, line, column } : null }
}

/** Undefined when it is not what `saveGoal` writes: every word is checked as if somebody typed it. */
export function readGoal({ text, contents, origin }: SavedSet): SetGoal | undefined {
  const { sets, unreadable } = parseSets(text, () => true)
  const [found, ...more] = sets.values()
  if (found === undefined || more.length > 0 || unreadable.length > 0) return undefined
  const { name, header, entries } = found
  const set: IpSet = { name, header, entries }
  if (!isSetName(name) || printSet(set) !== text || !isCanonical(set)) return undefined
  return { set, contents, ...(origin === null ? {} : { origin }) }
}

/** A name that a policy could declare. */
export function isSetName(name: string): boolean {
  const bytes = new TextEncoder().encode(name).length
  return SET_NAME.test(name) && bytes <= MAX_NAME_BYTES && !name.startsWith(TEMPORARY_PREFIX)
}

function isCanonical({ header, entries }: IpSet): boolean {
  const canonical = canonicalHeader(header)
  if (isProblem(canonical) || printHeader(canonical) !== printHeader(header)) return false
  return entries.every((entry) => {
    const same = canonicalEntries(entry, header)
    if (isProblem(same)) return false
    const [only, ...more] = same
    return only !== undefined && more.length === 0 && printEntry(only) === printEntry(entry)
  })
}

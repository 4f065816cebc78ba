import type { SetChange } from '../ipset/diff.ts'
import type { SetEntry } from '../ipset/set.ts'
import { entryText } from './set-words.ts'

/** A list of 100,000 entries helps no reader of JSON: there is `ipset save` for that. */
const MAX_ENTRIES = 100

/** One change of an ipset, as a plan shows it. */
export function setChangeJson(change: SetChange): Record<string, unknown> {
  const at = { kind: change.kind, set: change.name }
  if (change.kind === 'set-remove') {
    const { type } = change.before.header
    return { ...at, type, entries: change.before.entries.length }
  }
  const { set, origin } = change.goal
  const place = origin === undefined ? {} : { origin: positionJson(origin) }
  const about = { ...at, type: set.header.type, entries: set.entries.length }
  if (change.kind === 'set-add') return { ...about, ...place }
  const { added, removed, changed, reordered } = change
  return {
    ...about,
    ...(change.kind === 'set-recreate' ? { reasons: change.reasons, swaps: change.swaps } : {}),
    added: listedEntries(added),
    removed: listedEntries(removed),
    changed: {
      count: changed.length,
      entries: changed
        .slice(0, MAX_ENTRIES)
        .map(({ before, after }) => ({ before: entryText(before), after: entryText(after) })),
    },
    reordered,
    ...place,
  }
}

/** How many there are, and the first of them. */
export function listedEntries(entries: readonly SetEntry[]): Record<string, unknown> {
  return { count: entries.length, entries: entries.slice(0, MAX_ENTRIES).map(entryText) }
}

function positionJson(origin: {
  readonly file: string
  readonly line: number
  readonly column: number
}): Record<string, unknown> {
  const { file, line, column } = origin
  return { file, line, column }
}

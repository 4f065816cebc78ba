/** How changes of ipsets are put into words, in every format alike. */
import type { SetChange, SetChangeKind } from '../ipset/diff.ts'
import { printHeader } from '../ipset/header.ts'
import { printEntry } from '../ipset/save.ts'
import type { SetEntry } from '../ipset/set.ts'
import { positionOf } from './change-words.ts'

/** More entries than these are counted, not shown. */
export const SHOWN_ENTRIES = 12

export const SET_SIGNS: Readonly<Record<SetChangeKind, string>> = {
  'set-add': '+',
  'set-change': '~',
  'set-recreate': '~',
  'set-remove': '-',
}

/** A line of a set's change: what comes, what goes, what becomes something else. */
export interface EntryLine {
  readonly sign: '+' | '-' | '~'
  readonly text: string
}

/** What happens to the set as a whole; undefined when only entries change. */
export function setHeadline(change: SetChange): string | undefined {
  switch (change.kind) {
    case 'set-add': {
      const { header, entries } = change.goal.set
      const filled = change.goal.contents === 'others' ? 'filled by others' : count(entries.length)
      return `new set: ${printHeader(header)}, ${filled}`
    }
    case 'set-recreate': {
      const how = change.swaps ? 'swapped in under the rules that use it' : 'nothing uses it'
      return `made anew: ${change.reasons.join(', ')} (${how})`
    }
    case 'set-remove':
      return `set goes, with ${count(change.before.entries.length)}`
    case 'set-change':
      return change.reordered ? 'members in another order' : undefined
  }
}

/** The entries that change, the first of them; and how many there are besides. */
export function entryLines(change: SetChange): {
  readonly lines: readonly EntryLine[]
  readonly more: number
} {
  if (change.kind === 'set-add' || change.kind === 'set-remove') return { lines: [], more: 0 }
  const { added, removed, changed } = change
  const total = added.length + removed.length + changed.length
  const share = Math.ceil(SHOWN_ENTRIES / 3)
  const room = total <= SHOWN_ENTRIES ? total : share
  const lines: EntryLine[] = [
    ...changed.slice(0, room).map(
      ({ before, after }): EntryLine => ({
        sign: '~',
        text: `${entryText(before)} => ${entryText(after)}`,
      }),
    ),
    ...removed.slice(0, room).map((e): EntryLine => ({ sign: '-', text: entryText(e) })),
    ...added.slice(0, room).map((e): EntryLine => ({ sign: '+', text: entryText(e) })),
  ]
  return { lines, more: total - lines.length }
}

/** `1 entry to add, 2 to remove`; undefined when none changes. */
export function entryCounts(change: SetChange): string | undefined {
  if (change.kind === 'set-add' || change.kind === 'set-remove') return undefined
  const parts = [
    [change.added.length, 'to add'],
    [change.changed.length, 'to change'],
    [change.removed.length, 'to remove'],
  ].flatMap(([number, what]) => (number === 0 ? [] : [`${number} ${what}`]))
  return parts.length === 0 ? undefined : parts.join(', ')
}

/** Where the set is declared. */
export function setPosition(change: SetChange): string | undefined {
  if (change.kind === 'set-remove' || change.goal.origin === undefined) return undefined
  return positionOf({ origin: change.goal.origin })
}

/** Without what is counted. */
export function entryText({ packets: _p, bytes: _b, ...entry }: SetEntry): string {
  return printEntry(entry)
}

function count(entries: number): string {
  if (entries === 0) return 'no entries'
  return entries === 1 ? '1 entry' : `${entries} entries`
}

/** What somebody changed in the ipsets that fwctl has made: the way back, read the other way round. */
import type { SetChange } from '../ipset/diff.ts'
import { printHeader } from '../ipset/header.ts'
import { printable } from './printable.ts'
import { listedEntries } from './set-json.ts'
import { entryText, SHOWN_ENTRIES } from './set-words.ts'
import type { Style } from './style.ts'

/** As it is read in a terminal: `-` is missing, `+` is there without being declared. */
export function setDriftLines(changes: readonly SetChange[], style: Style): string[] {
  if (changes.length === 0) return []
  const body = changes.flatMap((change) => [
    `  ${style.bold(printable(change.name))}`,
    ...linesOf(change, style),
    '',
  ])
  return [style.bold('Sets (ipset)'), '', ...body]
}

function linesOf(change: SetChange, style: Style): string[] {
  if (change.kind === 'set-add') return [style.red('    - set is gone')]
  if (change.kind === 'set-remove') return [style.green('    + set is there')]
  const { added, removed, changed, reordered, before, goal } = change
  const head =
    change.kind === 'set-recreate'
      ? [`    ~ ${printHeader(goal.set.header)}`, `   => ${printHeader(before.header)}`]
      : []
  const entries = [
    ...changed.map((one) => style.yellow(`    ~ ${text(one.after)} => ${text(one.before)}`)),
    ...added.map((entry) => style.red(`    - ${text(entry)}`)),
    ...removed.map((entry) => style.green(`    + ${text(entry)}`)),
  ]
  const more = entries.length - SHOWN_ENTRIES
  return [
    ...head.map(style.yellow),
    ...(reordered ? [style.yellow('    ~ members are in another order')] : []),
    ...entries.slice(0, SHOWN_ENTRIES),
    ...(more > 0 ? [style.dim(`      … and ${more} more`)] : []),
  ]
}

function text(entry: Parameters<typeof entryText>[0]): string {
  return printable(entryText(entry))
}

/** For programs. */
export function setDriftJson(change: SetChange): Record<string, unknown> {
  if (change.kind === 'set-add') {
    return { kind: 'set-missing', set: change.name, expected: printHeader(change.goal.set.header) }
  }
  if (change.kind === 'set-remove') {
    return { kind: 'set-extra', set: change.name, live: printHeader(change.before.header) }
  }
  const { added, removed, changed, goal, before } = change
  return {
    kind: 'set-changed',
    set: change.name,
    expected: printHeader(goal.set.header),
    live: printHeader(before.header),
    missing: listedEntries(added),
    extra: listedEntries(removed),
    changed: listedEntries(changed.map((one) => one.before)),
  }
}

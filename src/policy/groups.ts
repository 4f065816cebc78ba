/** `define:`: named groups of addresses, ports and interfaces, which may name each other. */
import type { Diagnostic, DiagnosticCode, Position } from '../base/diagnostic.ts'
import { didYouMean } from './nearest.ts'
import type { Group, GroupKind, Groups, Member } from './policy.ts'
import { type Entry, entriesOf, get, itemsOf, type ScalarValue, type Value } from './value.ts'

export interface ResolvedGroups {
  readonly groups: Groups
  readonly diagnostics: readonly Diagnostic[]
}

interface State {
  readonly kind: GroupKind
  readonly definitions: ReadonlyMap<string, Entry>
  readonly resolved: Map<string, Group>
  readonly diagnostics: Diagnostic[]
}

/** Groups of all files together. The same group twice is an error unless it says the same. */
export function resolveGroups(roots: readonly Value[]): ResolvedGroups {
  const diagnostics: Diagnostic[] = []
  const resolve = (kind: GroupKind): Map<string, Group> => {
    const entries = roots.flatMap((root) => entriesOf(get(root, 'define', kind)))
    const definitions = collect(entries, diagnostics)
    const state: State = { kind, definitions, resolved: new Map(), diagnostics }
    for (const entry of definitions.values()) resolveGroup(entry, [], state)
    return state.resolved
  }
  const groups = {
    addresses: resolve('addresses'),
    ports: resolve('ports'),
    interfaces: resolve('interfaces'),
  }
  return { groups, diagnostics }
}

function report(
  diagnostics: Diagnostic[],
  code: DiagnosticCode,
  message: string,
  at: Position,
  hint?: string,
): void {
  diagnostics.push({ code, severity: 'error', message, ...at, ...(hint !== undefined && { hint }) })
}

function collect(entries: readonly Entry[], diagnostics: Diagnostic[]): Map<string, Entry> {
  const definitions = new Map<string, Entry>()
  for (const entry of entries) {
    const first = definitions.get(entry.key)
    if (!/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(entry.key)) {
      const hint = 'letters, digits, "_", "-" and ".", beginning with a letter'
      report(
        diagnostics,
        'invalid-value',
        `"${entry.key}" is no name for a group`,
        entry.keyAt,
        hint,
      )
    } else if (first === undefined) definitions.set(entry.key, entry)
    else if (textsOf(first).join() !== textsOf(entry).join()) {
      const { file, line } = first.keyAt
      const message = `group "${entry.key}" is already defined in ${file}:${line}, differently`
      report(diagnostics, 'duplicate-definition', message, entry.keyAt)
    }
  }
  return definitions
}

function scalarsOf({ value }: Entry): readonly ScalarValue[] {
  const items = value.kind === 'list' ? itemsOf(value) : [value]
  return items.filter((item) => item.kind === 'scalar' && item.text !== '') as ScalarValue[]
}

function textsOf(entry: Entry): readonly string[] {
  return scalarsOf(entry).map((scalar) => scalar.text)
}

function resolveGroup(entry: Entry, stack: readonly string[], state: State): readonly Member[] {
  const done = state.resolved.get(entry.key)
  if (done !== undefined) return done.members
  const path = [...stack, entry.key]
  const scalars = scalarsOf(entry)
  const members = new Map<string, Member>()
  for (const { text, at, unresolved } of scalars) {
    if (unresolved) continue
    for (const member of membersOf(text, at, path, state)) {
      if (!members.has(member.text)) members.set(member.text, member)
    }
  }
  if (scalars.length === 0) {
    report(state.diagnostics, 'empty-group', `group "${entry.key}" is empty`, entry.keyAt)
  }
  const group: Group = { name: entry.key, at: entry.keyAt, members: [...members.values()] }
  state.resolved.set(entry.key, group)
  return group.members
}

function membersOf(
  text: string,
  at: Position,
  path: readonly string[],
  state: State,
): readonly Member[] {
  if (path.includes(text)) {
    const cycle = [...path.slice(path.indexOf(text)), text].join(' → ')
    report(state.diagnostics, 'group-cycle', `group "${text}" contains itself: ${cycle}`, at)
    return []
  }
  const group = state.definitions.get(text)
  if (group !== undefined) return resolveGroup(group, path, state)
  if (text.startsWith('!')) {
    const hint = 'negate the group where it is used: "! group"'
    report(state.diagnostics, 'list-not-negatable', 'a member can not be negated', at, hint)
    return []
  }
  return state.kind === 'addresses' ? addressMember(text, at, state) : [{ text, at }]
}

/** Anything that can not be an address can only be meant as the name of a group. */
function addressMember(text: string, at: Position, state: State): readonly Member[] {
  if (text.includes(',')) {
    report(state.diagnostics, 'invalid-value', `"${text}" is not one address`, at, 'write a list')
    return []
  }
  if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(text)) {
    const hint = didYouMean(text, state.definitions.keys())
    report(state.diagnostics, 'unknown-group', `there is no group "${text}"`, at, hint)
    return []
  }
  return [{ text, at }]
}

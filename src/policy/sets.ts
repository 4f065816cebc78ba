/** `sets:` of a policy: which ipsets there are, and what is in them. */
import { dirname, resolve } from 'node:path/posix'
import type { Diagnostic, Position } from '../base/diagnostic.ts'
import { canonicalHeader, DEFAULT_MAXELEM } from '../ipset/header.ts'
import { isProblem } from '../ipset/problem.ts'
import {
  MAX_NAME_BYTES,
  SET_NAME,
  type SetEntry,
  type SetHeader,
  TEMPORARY_PREFIX,
} from '../ipset/set.ts'
import { isSetType, SET_TYPES } from '../ipset/set-types.ts'
import type { PolicyFiles } from './files.ts'
import { type Findings, startFindings } from './findings.ts'
import type { Groups, PolicySet } from './policy.ts'
import { addEntry, type EntryMap, textEntry, writtenEntry } from './set-entries.ts'
import { readEntryFile } from './set-files.ts'
import {
  type Entry,
  entriesOf,
  get,
  hasUnresolved,
  itemsOf,
  stringOf,
  type Value,
} from './value.ts'

export interface SetsInput {
  /** The main document first. */
  readonly roots: readonly Value[]
  /** Of each document, the paths where it violates the schema: such sets are left out. */
  readonly invalidPaths: readonly (readonly (readonly string[])[])[]
  readonly groups: Groups
  readonly files: PolicyFiles
  /** The main file, as it was named. */
  readonly file: string
}

export interface BuiltSets {
  readonly sets: readonly PolicySet[]
  /** Of the files of entries, for the digest of the policy. */
  readonly texts: readonly string[]
  readonly diagnostics: readonly Diagnostic[]
}

interface State extends SetsInput {
  readonly findings: Findings
  readonly root: string
  readonly texts: string[]
}

/** More findings about one set than this help nobody. */
const MAX_FINDINGS = 20

export function buildSets(input: SetsInput): BuiltSets {
  const findings = startFindings()
  const folder = input.file === '-' ? '.' : dirname(input.file)
  const root = input.files.realPath(folder) ?? resolve(folder)
  const state: State = { ...input, findings, root, texts: [] }
  const declared = new Map<string, PolicySet>()
  for (const [index, document] of input.roots.entries()) {
    const invalid = new Set(
      (input.invalidPaths[index] ?? []).flatMap(([top, name]) => (top === 'sets' ? [name] : [])),
    )
    for (const entry of entriesOf(get(document, 'sets'))) {
      if (invalid.has(entry.key) || hasUnresolved(entry.value)) continue
      const first = declared.get(entry.key)
      if (first !== undefined) {
        const message = `set ${entry.key} is already declared in ${first.at.file}:${first.at.line}`
        findings.error('duplicate-definition', entry.keyAt, message)
        continue
      }
      const set = buildSet(entry, state)
      if (set !== undefined) declared.set(entry.key, set)
    }
  }
  const sets = [...declared.values()]
  checkMembers(declared, findings)
  return { sets, texts: state.texts, diagnostics: findings.list() }
}

function buildSet(entry: Entry, state: State): PolicySet | undefined {
  const { key: name, keyAt: at, value } = entry
  const { findings } = state
  if (!isName(name, at, findings)) return undefined
  const typed = readHeader(value)
  const header = typed === undefined ? undefined : canonicalHeader(typed)
  if (header === undefined) return undefined
  if (isProblem(header)) {
    findings.error(header.code, at, `set ${name}: ${header.message}`, header.hint)
    return undefined
  }
  const entries: EntryMap = new Map()
  const declares = collectEntries(value, { entries, header, state })
  const listed = [...entries.values()].map((written) => written.entry)
  const room = header.maxelem ?? 2 ** 32 - 1
  if (listed.length > room) {
    const message = `set ${name} has ${listed.length} entries, and maxelem is ${room}`
    findings.error('invalid-value', at, message, `default: ${DEFAULT_MAXELEM}, or what they need`)
  }
  const whole = withNeeds(header, { name, value, entries, findings })
  return { set: { name, header: whole, entries: listed }, declaresEntries: declares, at }
}

function isName(name: string, at: Position, findings: Findings): boolean {
  if (!SET_NAME.test(name)) {
    const hint = 'no blanks, quotes, commas or backslashes, and no "!" or "-" at the beginning'
    findings.error('invalid-value', at, `"${name}" is not a name for a set`, hint)
    return false
  }
  if (new TextEncoder().encode(name).length > MAX_NAME_BYTES) {
    findings.error('text-too-long', at, `set name "${name}" has over ${MAX_NAME_BYTES} bytes`)
    return false
  }
  if (!name.startsWith(TEMPORARY_PREFIX)) return true
  const message = `names that begin with ${TEMPORARY_PREFIX} are for sets that fwctl fills`
  findings.error('invalid-value', at, message)
  return false
}

const FAMILIES: Readonly<Record<string, 'inet' | 'inet6'>> = {
  inet: 'inet',
  ipv4: 'inet',
  inet6: 'inet6',
  ipv6: 'inet6',
}
const TEXTS = ['range', 'bitmask', 'markmask'] as const
const NUMBERS = ['netmask', 'timeout', 'maxelem', 'hashsize', 'bucketsize'] as const
const FLAGS = ['counters', 'comment', 'skbinfo', 'forceadd'] as const

function readHeader(value: Value): SetHeader | undefined {
  const type = stringOf(get(value, 'type')) ?? ''
  if (!isSetType(type)) return undefined
  const text = (key: string): string | undefined => {
    const field = get(value, key)
    return field?.kind === 'scalar' && field.value !== null ? field.text : undefined
  }
  const header: Record<string, unknown> = { type }
  const family = FAMILIES[text('family') ?? '']
  if (family !== undefined) header.family = family
  else if (SET_TYPES[type].family === 'both') header.family = 'inet'
  for (const key of TEXTS) if (text(key) !== undefined) header[key] = text(key)
  for (const key of NUMBERS) if (text(key) !== undefined) header[key] = Number(text(key))
  for (const key of FLAGS) {
    const field = get(value, key)
    if (field?.kind === 'scalar' && field.value === true) header[key] = true
  }
  return header as unknown as SetHeader
}

/** Fills in the entries. Returns whether the policy says anything about them. */
function collectEntries(
  value: Value,
  into: { readonly entries: EntryMap; readonly header: SetHeader; readonly state: State },
): boolean {
  const { entries, header, state } = into
  const { findings, groups } = state
  const context = { header, groups, findings }
  const inline = get(value, 'entries')
  for (const item of itemsOf(inline)) {
    const written = writtenEntry(item, findings)
    if (written !== undefined) addEntry(entries, written, context)
  }
  const from = get(value, 'entries-from')
  const paths = from === undefined ? [] : from.kind === 'list' ? from.items : [from]
  for (const path of paths) {
    const file = readEntryFile(path, state)
    if (file === undefined) continue
    state.texts.push(file.text)
    let wrong = 0
    for (const { text, at } of file.lines) {
      const written = textEntry(text, at, findings)
      if (written !== undefined && addEntry(entries, written, context)) continue
      if (++wrong < MAX_FINDINGS) continue
      findings.error(
        'invalid-value',
        at,
        'the rest of the file is not looked at',
        'mend these first',
      )
      break
    }
  }
  return inline !== undefined || from !== undefined
}

/** What the entries have the set must have room for, unless it is said that it has not. */
function withNeeds(
  header: SetHeader,
  about: {
    readonly name: string
    readonly value: Value
    readonly entries: EntryMap
    readonly findings: Findings
  },
): SetHeader {
  const { value, entries, findings } = about
  const needs = (key: 'comment' | 'skbinfo', has: (entry: SetEntry) => boolean): boolean => {
    if (header[key]) return true
    const first = [...entries.values()].find((written) => has(written.entry))
    if (first === undefined) return false
    const denied = get(value, key)
    if (denied === undefined) return true
    const message = `an entry of set ${about.name} needs ${key}, which is off`
    findings.error('conflicting-options', first.at, message)
    return false
  }
  const isTimed = [...entries.values()].some((written) => written.entry.timeout !== undefined)
  const comment = needs('comment', (entry) => entry.comment !== undefined)
  const skbinfo = needs('skbinfo', (entry) => !!(entry.skbmark ?? entry.skbprio ?? entry.skbqueue))
  return {
    ...header,
    ...(isTimed && header.timeout === undefined ? { timeout: 0 } : {}),
    ...(comment ? { comment } : {}),
    ...(skbinfo ? { skbinfo } : {}),
  }
}

/** Lists hold sets, but no lists. Members that nobody declares may be there on the host. */
function checkMembers(declared: ReadonlyMap<string, PolicySet>, findings: Findings): void {
  for (const { set, at } of declared.values()) {
    if (set.header.type !== 'list:set') continue
    for (const { element } of set.entries) {
      const member = declared.get(element)
      if (member?.set.header.type !== 'list:set') continue
      findings.error('invalid-value', at, `set ${set.name} can not hold the list ${element}`)
    }
  }
}

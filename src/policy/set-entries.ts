/** The entries of a set as a policy declares them: written in it, as groups, or in files. */
import type { Position } from '../base/diagnostic.ts'
import { splitParts } from '../ipset/element.ts'
import { canonicalEntries, entryKey, mergeEntries } from '../ipset/entry.ts'
import { isProblem } from '../ipset/problem.ts'
import { parseEntry } from '../ipset/save.ts'
import type { SetEntry, SetHeader } from '../ipset/set.ts'
import { kernelFamily, type PartKind, typeOf } from '../ipset/set-types.ts'
import { parseMaskedAddress } from '../net/address.ts'
import type { Findings } from './findings.ts'
import type { Groups } from './policy.ts'
import { entriesOf, type Value } from './value.ts'

export interface Written {
  readonly entry: SetEntry
  readonly at: Position
}

/** The entries of a set, each once, in the order in which they were first named. */
export type EntryMap = Map<string, Written>

export interface EntryContext {
  readonly header: SetHeader
  readonly groups: Groups
  readonly findings: Findings
}

/** An item of `entries:`; undefined, and reported, when it can not be read. */
export function writtenEntry(value: Value, findings: Findings): Written | undefined {
  if (value.kind === 'scalar') return textEntry(value.text, value.at, findings)
  const fields = Object.fromEntries(entriesOf(value).map((e) => [e.key, e.value]))
  const text = (key: string): string | undefined => {
    const field = fields[key]
    return field?.kind === 'scalar' && field.value !== null ? field.text : undefined
  }
  const { entry } = fields
  const element = text('entry')
  if (entry === undefined || element === undefined) return undefined
  const number = (key: string): number | undefined => {
    const digits = text(key)
    return digits === undefined ? undefined : Number(digits)
  }
  const isSet = (key: string): boolean => {
    const field = fields[key]
    return field?.kind === 'scalar' && field.value === true
  }
  const [timeout, skbqueue] = [number('timeout'), number('skbqueue')]
  const [comment, skbmark, skbprio] = [text('comment'), text('skbmark'), text('skbprio')]
  const options = {
    ...(timeout === undefined ? {} : { timeout }),
    ...(isSet('nomatch') ? { nomatch: true as const } : {}),
    ...(isSet('wildcard') ? { wildcard: true as const } : {}),
    ...(comment === undefined ? {} : { comment }),
    ...(skbmark === undefined ? {} : { skbmark: hexMark(skbmark) }),
    ...(skbprio === undefined ? {} : { skbprio }),
    ...(skbqueue === undefined ? {} : { skbqueue }),
  }
  const read = textEntry(element, entry.at, findings)
  return read === undefined ? undefined : { at: entry.at, entry: { ...read.entry, ...options } }
}

/** A number in YAML says the same as one in hex; ipset only takes the latter. */
function hexMark(text: string): string {
  return /^\d+$/.test(text) ? `0x${Number(text).toString(16)}` : text
}

/** An entry as ipset takes it: `192.0.2.7 timeout 600 comment "scanner"`. */
export function textEntry(text: string, at: Position, findings: Findings): Written | undefined {
  const entry = parseEntry(text.trim())
  if (entry !== undefined) return { entry, at }
  const hint = 'write ENTRY [timeout SECONDS] [nomatch] [comment "TEXT"]'
  findings.error('invalid-value', at, `"${text.trim()}" is not an entry of a set`, hint)
  return undefined
}

/** Adds what an entry stands for: the members of its groups, and what ranges come apart into. */
export function addEntry(entries: EntryMap, written: Written, context: EntryContext): boolean {
  const { header, findings } = context
  const { at } = written
  let ok = true
  for (const element of expandGroups(written, context)) {
    const canonical = canonicalEntries({ ...written.entry, element }, header)
    if (isProblem(canonical)) {
      findings.error(canonical.code, at, canonical.message, canonical.hint)
      return false
    }
    for (const entry of canonical) {
      const key = entryKey(entry)
      const first = entries.get(key)
      const merged = first === undefined ? entry : mergeEntries(first.entry, entry)
      if (merged !== undefined) entries.set(key, { entry: merged, at: first?.at ?? at })
      else if (ok) {
        const { file = '', line = 0 } = first?.at ?? {}
        const message = `"${entry.element}" is in the set already, with other options: ${file}:${line}`
        findings.error('duplicate-definition', at, message)
        ok = false
      }
    }
  }
  return ok
}

const ADDRESSES: ReadonlySet<PartKind> = new Set(['ip', 'address', 'net', 'net0'])
const PORTS: ReadonlySet<PartKind> = new Set(['port', 'plain-port'])

/** The element once for each member of the groups that it names. */
function expandGroups({ entry, at }: Written, context: EntryContext): readonly string[] {
  const { header, groups } = context
  if (groups.addresses.size + groups.ports.size === 0) return [entry.element]
  const { parts: kinds } = typeOf(header)
  const parts = splitParts(entry.element)
  let elements: readonly string[] = ['']
  let isPlain = true
  for (const [index, part] of parts.entries()) {
    const kind = kinds[index]
    const members = kind === undefined ? undefined : groupMembers(part, { kind, at, context })
    if (members !== undefined) isPlain = false
    elements = elements.flatMap((head) =>
      (members ?? [part]).map((member) => (index === 0 ? member : `${head},${member}`)),
    )
  }
  return isPlain ? [entry.element] : elements
}

/** Undefined when the part is no group. Members of the other family are left out, as in rules. */
function groupMembers(
  part: string,
  place: { readonly kind: PartKind; readonly at: Position; readonly context: EntryContext },
): readonly string[] | undefined {
  const { kind, at, context } = place
  const { groups, header, findings } = context
  if (ADDRESSES.has(kind)) {
    const group = groups.addresses.get(part)
    if (group === undefined) return undefined
    const bits = kernelFamily(header) === 'inet6' ? 128 : 32
    const texts = group.members.map((member) => member.text)
    const fitting = texts.filter((text) => parseMaskedAddress(text, bits) !== undefined)
    if (fitting.length === 0 && texts.length > 0) {
      const family = bits === 32 ? 'IPv4' : 'IPv6'
      findings.error('empty-group', at, `group "${part}" has no ${family} member for this set`)
    }
    return fitting
  }
  if (!PORTS.has(kind)) return undefined
  const [, protocol = '', name = ''] = /^([^:]*:)?(.*)$/.exec(part) ?? []
  const group = groups.ports.get(name)
  return group?.members.map((member) => `${protocol}${member.text.replace(':', '-')}`)
}

/** Reads a rule written as a mapping into parts; nothing depends on the family yet. */
import type { Position } from '../base/diagnostic.ts'
import { EXTENSIONS } from '../extensions/catalogue.ts'
import { FAMILIES, type Family } from '../ruleset/model.ts'
import { type Expiry, readExpiry } from './expiry.ts'
import type { Findings } from './findings.ts'
import { didYouMean } from './nearest.ts'
import {
  type Operand,
  type OperandContext,
  readAddresses,
  readInterfaces,
  readPorts,
  readProtocols,
} from './operand.ts'
import { closedRange, PORT_KEYS, packPorts } from './ports.ts'
import { RULE_KEYS } from './schema-rule.ts'
import {
  type Entry,
  entriesOf,
  entryOf,
  itemsOf,
  type MapValue,
  stringOf,
  type Value,
} from './value.ts'

/** What becomes a match, in the order in which the keys are written. */
export type MatchPart =
  | { readonly kind: 'comment'; readonly text: string; readonly at: Position }
  | { readonly kind: 'match'; readonly entry: Entry }
  /** One option of a match, written as a key of the rule. */
  | { readonly kind: 'shorthand'; readonly module: string; readonly entry: Entry }
  /** Options of the protocol's own match, collected where the first of them stands. */
  | { readonly kind: 'protocol'; readonly entries: Entry[] }
  /** More ports than the protocol's match takes; several chunks make several rules. */
  | {
      readonly kind: 'multiport'
      readonly entry: Entry
      readonly negated: boolean
      readonly chunks: readonly (readonly string[])[]
    }

export interface TargetPart {
  readonly verb: 'jump' | 'goto'
  readonly name: string
  readonly at: Position
  /** Where the key that says so stands. */
  readonly keyAt: Position
  readonly options?: Value
}

export interface RuleParts {
  readonly at: Position
  readonly name?: string
  readonly owner?: string
  readonly ticket?: string
  readonly expiry?: Expiry
  readonly family?: Family
  readonly enabled: boolean
  readonly source?: Operand
  readonly destination?: Operand
  readonly inInterface?: Operand
  readonly outInterface?: Operand
  readonly protocol?: Operand
  readonly fragment?: { readonly negated: boolean; readonly at: Position }
  readonly matches: readonly MatchPart[]
  readonly target?: TargetPart
}

/** Keys that stand for one option of a match. */
export const SHORTHANDS: Readonly<Record<string, string>> = { ctstate: 'conntrack', state: 'state' }

const PROTOCOL_KEYS: ReadonlySet<string> = new Set(
  EXTENSIONS.flatMap((e) => (e.kind === 'match' && e.implicitFor !== undefined ? [e] : [])).flatMap(
    (e) => Object.entries(e.options).flatMap(([name, option]) => [name, ...(option.aliases ?? [])]),
  ),
)

const KNOWN_KEYS: ReadonlySet<string> = new Set([...RULE_KEYS, ...PROTOCOL_KEYS])

/** False, and reported, when the rule has keys that nothing knows. */
export function checkKeys(rule: MapValue, findings: Findings): boolean {
  const unknown = rule.entries.filter((e) => !KNOWN_KEYS.has(e.key))
  for (const { key, keyAt } of unknown) {
    findings.error(
      'unknown-key',
      keyAt,
      `unknown key "${key}" of a rule`,
      didYouMean(key, KNOWN_KEYS),
    )
  }
  return unknown.length === 0
}

export function readParts(rule: MapValue, context: OperandContext): RuleParts {
  const value = (key: string): Value | undefined => entryOf(rule, key)?.value
  const operand = (
    key: string,
    read: (v: Value, c: OperandContext) => Operand,
  ): Operand | undefined => {
    const written = value(key)
    return written && read(written, context)
  }
  const parts = {
    source: operand('source', readAddresses),
    destination: operand('destination', readAddresses),
    inInterface: operand('in-interface', readInterfaces),
    outInterface: operand('out-interface', readInterfaces),
    protocol: operand('protocol', readProtocols),
    fragment: readFragment(value('fragment')),
    name: stringOf(value('name')),
    owner: textOf(value('owner')),
    ticket: textOf(value('ticket')),
    expiry: readExpiry(value('expires'), context.findings),
    family: FAMILIES.find((family) => family === stringOf(value('family'))),
    target: readTarget(rule, context),
  }
  const enabled = value('enabled')
  return {
    ...(Object.fromEntries(
      Object.entries(parts).filter(([, part]) => part !== undefined),
    ) as Partial<RuleParts>),
    at: rule.at,
    enabled: !(enabled?.kind === 'scalar' && enabled.value === false),
    matches: readMatches(rule, context),
  }
}

/** A ticket may be a number. */
function textOf(value: Value | undefined): string | undefined {
  return value?.kind === 'scalar' && value.text !== '' ? value.text : undefined
}

function readFragment(value: Value | undefined): RuleParts['fragment'] {
  if (value?.kind !== 'scalar') return undefined
  return { negated: value.value === '!', at: value.at }
}

function readMatches(rule: MapValue, context: OperandContext): MatchPart[] {
  const parts: MatchPart[] = []
  const addProtocolOption = (entry: Entry): void => {
    const open = parts.find((part) => part.kind === 'protocol')
    if (open === undefined) parts.push({ kind: 'protocol', entries: [entry] })
    else open.entries.push(entry)
  }
  for (const entry of rule.entries) {
    const { key, value } = entry
    const module = SHORTHANDS[key]
    if (key === 'name') parts.push({ kind: 'comment', text: stringOf(value) ?? '', at: value.at })
    else if (key === 'match') {
      const mappings = value.kind === 'list' ? itemsOf(value) : [value]
      parts.push(
        ...mappings.flatMap(entriesOf).map((e): MatchPart => ({ kind: 'match', entry: e })),
      )
    } else if (module !== undefined) parts.push({ kind: 'shorthand', module, entry })
    else if (PORT_KEYS[key] !== undefined) {
      const ports = readPorts(value, context)
      const [only] = ports.members
      if (only === undefined) continue
      if (ports.members.length === 1) addProtocolOption(singlePort(entry, ports))
      else parts.push(multiport(entry, ports))
    } else if (PROTOCOL_KEYS.has(key)) addProtocolOption(entry)
  }
  return parts
}

function singlePort(entry: Entry, { negated, members }: Operand): Entry {
  const text = `${negated ? '! ' : ''}${members[0]?.text}`
  return {
    ...entry,
    value: { kind: 'scalar', value: text, text, at: members[0]?.at ?? entry.value.at },
  }
}

function multiport(entry: Entry, { negated, members }: Operand): MatchPart {
  return {
    kind: 'multiport',
    entry,
    negated,
    chunks: packPorts(members.map((member) => closedRange(member.text))),
  }
}

/** Its mistakes are reported if there is a context to report them to. */
export function readTarget(rule: MapValue, context?: OperandContext): TargetPart | undefined {
  const jump = entryOf(rule, 'jump')
  const goto = entryOf(rule, 'goto')
  if (jump !== undefined && goto !== undefined) {
    context?.findings.error('conflicting-options', goto.keyAt, 'a rule has either jump or goto')
  }
  const entry = jump ?? goto
  if (entry === undefined) return undefined
  const verb = jump === undefined ? 'goto' : 'jump'
  const name = stringOf(entry.value)
  if (name !== undefined) return { verb, name, at: entry.value.at, keyAt: entry.keyAt }
  const [target] = entriesOf(entry.value)
  if (target === undefined) return undefined
  const { key, keyAt, value } = target
  return { verb, name: key, at: keyAt, keyAt: entry.keyAt, options: value }
}

/** What a criterion of a rule is tested against: one value or several, resolved from groups. */
import type { Position } from '../base/diagnostic.ts'
import type { Names } from '../extensions/names.ts'
import { parseNumber } from '../extensions/values/number.ts'
import { parseInterface } from '../iptables/criteria.ts'
import { hasOctalPart, parseMaskedAddress } from '../net/address.ts'
import type { Family } from '../ruleset/model.ts'
import type { Findings } from './findings.ts'
import { didYouMean } from './nearest.ts'
import type { Group, GroupKind, Groups, Member } from './policy.ts'
import type { Value } from './value.ts'

export interface OperandMember {
  readonly text: string
  /** Where the rule mentions it. */
  readonly at: Position
  /** An address belongs to one; anything else to both. */
  readonly families: readonly Family[]
  /** The group of the policy that it comes from. */
  readonly group?: string
}

export interface Operand {
  readonly negated: boolean
  readonly members: readonly OperandMember[]
  readonly at: Position
}

export interface OperandContext {
  readonly groups: Groups
  readonly names: Names
  readonly findings: Findings
}

const BOTH: readonly Family[] = ['ipv4', 'ipv6']

/** Texts of a scalar or a list, commas taken apart, and the `!` that negates them all. */
interface Texts {
  readonly negated: boolean
  readonly texts: readonly { readonly text: string; readonly at: Position }[]
}

function readTexts(value: Value, findings: Findings): Texts {
  const scalars = (value.kind === 'list' ? value.items : [value]).filter((v) => v.kind === 'scalar')
  const first = scalars[0]?.text ?? ''
  const negated = first.startsWith('!')
  const texts = scalars.flatMap((scalar) => {
    const bare = scalar === scalars[0] && negated ? scalar.text.slice(1) : scalar.text
    return bare.split(',').map((part) => ({ text: part.trim(), at: scalar.at }))
  })
  for (const { text, at } of texts) {
    if (text === '') findings.error('invalid-value', at, 'an empty value')
    if (text.startsWith('!')) {
      const hint = 'the "!" at the beginning negates the whole list: "! a,b"'
      findings.error('list-not-negatable', at, 'a part of a list can not be negated', hint)
    }
  }
  return { negated, texts: texts.filter(({ text }) => text !== '' && !text.startsWith('!')) }
}

export function readAddresses(value: Value, context: OperandContext): Operand {
  return readOperand('addresses', value, context, (text, at) => addressFamily(text, at, context))
}

export function readInterfaces(value: Value, context: OperandContext): Operand {
  return readOperand('interfaces', value, context, () => BOTH)
}

export function readPorts(value: Value, context: OperandContext): Operand {
  return readOperand('ports', value, context, (text, at) => checkPort(text, at, context))
}

function checkPort(
  text: string,
  at: Position,
  { groups, names, findings }: OperandContext,
): readonly Family[] | undefined {
  for (const port of text.split(':')) {
    if (/^0[0-9]/.test(port)) {
      findings.error('invalid-value', at, `iptables reads the leading zero of ${port} as octal`)
      return undefined
    }
    if (!/^[A-Za-z]/.test(port) || names.service(port) !== undefined) continue
    const hint = didYouMean(port, groups.ports.keys()) ?? 'define it under define.ports'
    findings.error('unknown-group', at, `"${port}" is neither a group of ports nor a service`, hint)
    return undefined
  }
  if (/^[0-9]+-[0-9]+$/.test(text)) {
    findings.error(
      'invalid-value',
      at,
      `"${text}" is not a port`,
      `write ${text.replace('-', ':')}`,
    )
    return undefined
  }
  return BOTH
}

/** Members that could not be used anywhere are wrong also while no rule uses their group. */
export function checkGroups(context: OperandContext): void {
  const { groups, findings } = context
  for (const { text, at } of membersOf(groups.addresses)) addressFamily(text, at, context)
  for (const { text, at } of membersOf(groups.ports)) {
    if (checkPort(text, at, context) === undefined) continue
    const numbers = text.split(':')
    const isRange = numbers.length <= 2 && numbers.every((n) => !/^[0-9]/.test(n) || isPort(n))
    if (!isRange || !/^[\w:.*+-]+$/.test(text)) {
      findings.error('invalid-value', at, `"${text}" is not a port`, 'a port is 0 to 65535')
    }
  }
  for (const { text, at } of membersOf(groups.interfaces)) {
    const read = parseInterface(text, false, {
      caution: ({ message }) => findings.error('invalid-value', at, message),
    })
    if ('code' in read) findings.error(read.code, at, read.message)
  }
}

function membersOf(groups: ReadonlyMap<string, Group>): readonly Member[] {
  return [...groups.values()].flatMap((group) => group.members)
}

function isPort(text: string): boolean {
  const number = parseNumber(text)
  return number !== undefined && number <= 65535
}

type Classify = (text: string, at: Position) => readonly Family[] | undefined

function readOperand(
  kind: GroupKind,
  value: Value,
  context: OperandContext,
  classify: Classify,
): Operand {
  const { negated, texts } = readTexts(value, context.findings)
  const groups: ReadonlyMap<string, Group> = context.groups[kind]
  const members = texts.flatMap(({ text, at }): OperandMember[] => {
    const group = groups.get(text)
    if (group === undefined) {
      const families = classify(text, at)
      return families === undefined ? [] : [{ text, at, families }]
    }
    return group.members.flatMap((member) => {
      const families = classify(member.text, member.at)
      return families === undefined ? [] : [{ text: member.text, at, families, group: text }]
    })
  })
  return { negated, members, at: value.at }
}

/** The family of an address; undefined, and reported, when it is none. */
function addressFamily(
  text: string,
  at: Position,
  { groups, findings }: OperandContext,
): readonly Family[] | undefined {
  if (parseMaskedAddress(text, 32) !== undefined) {
    if (!hasOctalPart(text)) return ['ipv4']
    const hint = `write ${text.replaceAll(/(^|\.)0+(?=[0-9])/g, '$1')} if decimal is meant`
    findings.error('octal-address', at, `iptables reads the leading zero of ${text} as octal`, hint)
    return undefined
  }
  if (parseMaskedAddress(text, 128) !== undefined) return ['ipv6']
  const suggestion = didYouMean(text, groups.addresses.keys())
  if (/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+\.?$/.test(text) && /[A-Za-z]/.test(text)) {
    const message = `"${text}" is a host name: it would be looked up once and then be wrong`
    findings.error('host-name', at, message, suggestion ?? 'write the address, or define a group')
  } else if (text === 'localhost') {
    findings.error('host-name', at, '"localhost" is a host name', 'write 127.0.0.0/8 or ::1')
  } else if (/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(text)) {
    const hint = suggestion ?? 'define it under define.addresses'
    findings.error('unknown-group', at, `there is no group of addresses "${text}"`, hint)
  } else {
    findings.error('invalid-value', at, `"${text}" is not an address, a network or a group`)
  }
  return undefined
}

/** Protocols that only make sense in one family. */
const PROTOCOL_FAMILY: ReadonlyMap<string, Family> = new Map([
  ['icmp', 'ipv4'],
  ['1', 'ipv4'],
  ['icmpv6', 'ipv6'],
  ['ipv6-icmp', 'ipv6'],
  ['58', 'ipv6'],
])

export function protocolFamilies(text: string): readonly Family[] {
  const family = PROTOCOL_FAMILY.get(text.toLowerCase())
  return family === undefined ? BOTH : [family]
}

export function readProtocols(value: Value, { findings }: OperandContext): Operand {
  const { negated, texts } = readTexts(value, findings)
  const members = texts.map(({ text, at }) => ({ text, at, families: protocolFamilies(text) }))
  return { negated, members, at: value.at }
}

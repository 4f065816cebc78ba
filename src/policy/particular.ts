/**
 * What rules of one form differ in: addresses, ports, names, chains to jump to. Each kind is so narrow
 * that nothing else depends on which one of it a rule has: iptables takes them all, means by them what
 * is written, and saves them as they are written.
 */
import { findTarget } from '../extensions/catalogue.ts'
import { isSavedPort, isSavedPortRange } from '../extensions/values/port.ts'
import { formatNetwork, isUsualIpv4, isUsualNetwork, parseMaskedAddress } from '../net/address.ts'
import { BUILTIN_CHAINS, CHAIN_NAME_BYTES, VERDICTS } from '../ruleset/hooks.ts'
import { FAMILIES } from '../ruleset/model.ts'
import { MULTIPORT_SLOTS, multiportOption } from './ports.ts'
import type { ListValue, Scalar, ScalarValue, Value } from './value.ts'

export type ParticularKind =
  | 'network'
  | 'negated network'
  | 'address'
  | 'negated address'
  | 'IPv6 network'
  | 'negated IPv6 network'
  | 'IPv6 address'
  | 'negated IPv6 address'
  | 'port number'
  | 'port'
  | 'port range'
  | 'port list'
  | 'endpoint'
  | 'word'
  | 'sentence'
  | 'chain'
  | 'note'

type KindOf = (value: Scalar, text: string) => ParticularKind | undefined

const KINDS: Readonly<Record<string, KindOf>> = {
  source: addressKind,
  destination: addressKind,
  sport: portKind,
  'source-port': portKind,
  dport: portKind,
  'destination-port': portKind,
  name: nameKind,
  jump: chainKind,
  goto: chainKind,
  'jump DNAT to-destination': endpointKind,
  'jump SNAT to-source': endpointKind,
  owner: noteKind,
  ticket: noteKind,
  description: noteKind,
}

/** How iptables saves the option that a particular is the value of. */
const SAVED_OPTIONS: Readonly<Record<string, string>> = {
  source: '-s',
  destination: '-d',
  sport: '--sport',
  'source-port': '--sport',
  dport: '--dport',
  'destination-port': '--dport',
  name: '--comment',
  jump: '-j',
  goto: '-g',
  'jump DNAT to-destination': '--to-destination',
  'jump SNAT to-source': '--to-source',
}

/** Undefined where the value belongs to the form. The path has the keys within the rule. */
export function particularKind(path: string, value: Value): ParticularKind | undefined {
  const kindOf = Object.hasOwn(KINDS, path) ? KINDS[path] : undefined
  if (kindOf === undefined || value.kind === 'map') return undefined
  if (value.kind === 'scalar') return kindOf(value.value, value.text)
  return kindOf === portKind && isPortList(value) ? 'port list' : undefined
}

/** What follows an option in a rule written as a text, and the path of the same in a mapping. */
export function wordKind(
  option: string,
  word: string,
): { readonly path: string; readonly kind: ParticularKind } | undefined {
  const path = OPTIONS.get(option)
  if (path === undefined) return undefined
  const kind =
    option === '--sports' || option === '--dports' ? portsKind(word) : KINDS[path]?.(word, word)
  return kind === undefined || kind.startsWith('negated') ? undefined : { path, kind }
}

const OPTIONS: ReadonlyMap<string, string> = new Map([
  ...Object.entries(SAVED_OPTIONS).map(([path, option]) => [option, path] as const),
  ['--sports', 'sport'],
  ['--dports', 'dport'],
])

/** The particular itself, which a negation is no part of. */
export function particularText(value: Value, kind: ParticularKind): string {
  if (value.kind === 'list') return value.items.map((item) => (item as ScalarValue).text).join()
  const { text } = value as ScalarValue
  return kind.startsWith('negated') ? text.slice(2) : text
}

/** How iptables saves it. Undefined for what is no part of a saved rule. */
export function savedParticular(
  path: string,
  kind: ParticularKind,
  text: string,
): string | undefined {
  if (kind === 'note') return undefined
  if (kind === 'port list') return `--${multiportOption(path)} ${text}`
  return kind === 'sentence' ? `${SAVED_OPTIONS[path]} "${text}"` : `${SAVED_OPTIONS[path]} ${text}`
}

function addressKind(value: Scalar, text: string): ParticularKind | undefined {
  if (typeof value !== 'string') return undefined
  const negated = text.startsWith('! ')
  const bare = negated ? text.slice(2) : text
  if (isUsualNetwork(bare)) return negated ? 'negated network' : 'network'
  if (isUsualIpv4(bare)) return negated ? 'negated address' : 'address'
  if (!bare.includes(':')) return undefined
  if (isUsualIpv6(bare)) return negated ? 'negated IPv6 network' : 'IPv6 network'
  return isUsualIpv6(`${bare}/128`)
    ? negated
      ? 'negated IPv6 address'
      : 'IPv6 address'
    : undefined
}

function isUsualIpv6(network: string): boolean {
  const parsed = parseMaskedAddress(network, 128)
  return parsed !== undefined && parsed.mask > 0n && formatNetwork(parsed, 128) === network
}

/** Not those at the ends: a range that begins or ends there may be written otherwise. */
function portKind(value: Scalar, text: string): ParticularKind | undefined {
  if (typeof value === 'number') return isInnerPort(text) ? 'port number' : undefined
  if (typeof value !== 'string') return undefined
  if (isInnerPort(text)) return 'port'
  const isRange = isSavedPortRange(text) && !text.startsWith('0') && !text.endsWith(':65535')
  return isRange ? 'port range' : undefined
}

function isInnerPort(text: string): boolean {
  return isSavedPort(text) && text !== '0' && text !== '65535'
}

/** What one multiport match holds. */
function isPortList({ items }: ListValue): boolean {
  return items.length > 1 && items.length <= MULTIPORT_SLOTS && items.every(isListedPort)
}

function isListedPort(value: Value): boolean {
  if (value.kind !== 'scalar' || !isInnerPort(value.text)) return false
  return typeof value.value === 'number' || typeof value.value === 'string'
}

function portsKind(text: string): ParticularKind | undefined {
  const ports = text.split(',')
  const isList = ports.length > 1 && ports.length <= MULTIPORT_SLOTS && ports.every(isInnerPort)
  return isList ? 'port list' : undefined
}

function endpointKind(value: Scalar, text: string): ParticularKind | undefined {
  const colon = text.indexOf(':')
  if (typeof value !== 'string' || colon < 0) return undefined
  const isUsual = isUsualIpv4(text.slice(0, colon)) && isInnerPort(text.slice(colon + 1))
  return isUsual ? 'endpoint' : undefined
}

/**
 * 255 bytes are the most that a comment can have, and a character has three at most. None begins like an
 * option, or a negation.
 */
function nameKind(value: Scalar, text: string): ParticularKind | undefined {
  if (typeof value !== 'string' || text.length > 85 || /^(?:[-!]|$)/.test(text)) return undefined
  if (/^[A-Za-z0-9_-]+$/.test(text)) return 'word'
  return /["'\\]/.test(text) ? undefined : 'sentence'
}

function chainKind(value: Scalar, text: string): ParticularKind | undefined {
  return typeof value === 'string' && isChainName(text) ? 'chain' : undefined
}

function isChainName(name: string): boolean {
  if (NO_CHAINS.has(name) || name.length > CHAIN_NAME_BYTES || !/^\w[\w-]*$/.test(name))
    return false
  return !FAMILIES.some((family) => findTarget(name, family) !== undefined)
}

const NO_CHAINS: ReadonlySet<string> = new Set([
  ...VERDICTS,
  ...Object.values(BUILTIN_CHAINS).flat(),
  'CONTINUE',
])

function noteKind(value: Scalar, text: string): ParticularKind | undefined {
  return typeof value === 'string' && text !== '' ? 'note' : undefined
}

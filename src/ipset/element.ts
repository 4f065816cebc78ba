/**
 * An entry as somebody types it, in the words in which ipset keeps it. Ranges come apart as the
 * kernel takes them apart. What the kernel would refuse, or keep with another meaning, is a problem.
 */
import { BUILTIN_NAMES } from '../extensions/builtin-names.ts'
import { type AddressBits, formatAddress, parseAddress, prefixMask } from '../net/address.ts'
import { isProblem, problem, type SetProblem } from './problem.ts'
import { MAX_NAME_BYTES, SET_NAME, type SetHeader } from './set.ts'
import { type AddressRange, formatNet, parseRange, rangeToNets } from './set-address.ts'
import { expand, parsePlainPorts, parsePorts } from './set-port.ts'
import { kernelFamily, type PartKind, typeOf } from './set-types.ts'

/** One written entry may stand for this many: a /12 of single addresses. */
const MAX_ELEMENTS = 1 << 20

type Texts = readonly string[]

/** The canonical elements that a typed one stands for. Of its own output it returns just that. */
export function canonicalElements(text: string, header: SetHeader): Texts | SetProblem {
  if (isPlainAddress(text, header)) return [text]
  const { parts } = typeOf(header)
  const written = splitParts(text)
  const least = parts.filter((part) => part !== 'optional-mac').length
  if (written.length < least || written.length > parts.length) {
    const shape = parts.map((part) => SHOWN[part]).join(',')
    const hint = `entries of ${header.type} are written as ${shape}`
    return problem('invalid-value', `"${text}" is not an entry of ${header.type}`, hint)
  }
  let elements: Texts = ['']
  for (const [index, part] of written.entries()) {
    const kind = parts[index] as PartKind
    const texts = parsePart(part, { kind, header, isFirst: index === 0 })
    if (isProblem(texts)) return texts
    const product = elements.length * texts.length
    if (product > MAX_ELEMENTS) return tooMany(text, product)
    const before = elements
    elements =
      index === 0 ? texts : before.flatMap((head) => texts.map((tail) => `${head},${tail}`))
  }
  return elements
}

const BYTE = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const IPV4 = new RegExp(`^(?!0\\.0\\.0\\.0$)${BYTE}(?:\\.${BYTE}){3}$`)

/** What most long lists consist of needs no taking apart: an address as ipset prints it. */
function isPlainAddress(text: string, header: SetHeader): boolean {
  const { type, family, netmask, bitmask } = header
  if ((type !== 'hash:ip' && type !== 'hash:net') || family === 'inet6') return false
  return netmask === undefined && bitmask === undefined && IPV4.test(text)
}

/** Commas inside brackets do not separate. */
export function splitParts(text: string): string[] {
  return text.includes('[') ? text.split(/,(?![^[]*\])/) : text.split(',')
}

const SHOWN: Readonly<Record<PartKind, string>> = {
  ip: 'ADDRESS',
  address: 'ADDRESS',
  net: 'NETWORK',
  net0: 'NETWORK',
  port: '[PROTOCOL:]PORT',
  'plain-port': 'PORT',
  mac: 'MAC',
  'optional-mac': 'MAC',
  iface: '[physdev:]INTERFACE',
  mark: 'MARK',
  set: 'SETNAME',
}

interface Place {
  readonly kind: PartKind
  readonly header: SetHeader
  readonly isFirst: boolean
}

function parsePart(text: string, place: Place): Texts | SetProblem {
  const { kind, header } = place
  const family = kernelFamily(header) ?? 'inet'
  switch (kind) {
    case 'ip':
    case 'address':
      return parseAddresses(text, place)
    case 'net':
    case 'net0':
      return parseNets(text, place)
    case 'port':
      return parsePorts(text, family, BUILTIN_NAMES)
    case 'plain-port':
      return parseBitmapPorts(text, header)
    case 'mac':
    case 'optional-mac':
      return parseMac(text, header)
    case 'iface':
      return parseInterface(text)
    case 'mark':
      return parseMark(text, header)
    case 'set':
      return parseMember(text)
  }
}

function bitsOf(header: SetHeader): AddressBits {
  return kernelFamily(header) === 'inet6' ? 128 : 32
}

function parseAddresses(text: string, { kind, header, isFirst }: Place): Texts | SetProblem {
  const bits = bitsOf(header)
  const range = parseRange(text, bits)
  if (isProblem(range)) return range
  const isOne = range.from === range.to
  if (!isOne && (kind === 'address' || bits === 128)) {
    return problem('invalid-value', `"${text}" is several addresses`, 'only one can stand here')
  }
  const isBitmap = header.type.startsWith('bitmap')
  const isMasked = header.bitmask || (header.netmask && !isBitmap && header.type !== 'hash:ip')
  if (isMasked && (!isOne || range.order)) {
    const hint = 'the kernel would store addresses that can never match'
    return problem('never-matches', `"${text}": ranges do not go with netmask and bitmask`, hint)
  }
  if (header.netmask && !isBitmap && range.order === 'down') {
    const hint = 'the kernel cuts the first address of a range only'
    return problem('changes-meaning', `with netmask, "${text}" has to go up`, hint)
  }
  const addresses = isOne
    ? [cut(range.from, header, bits)]
    : listAddresses(text, range, header.netmask ?? bits, bits)
  if (isProblem(addresses)) return addresses
  if (isBitmap && losesItsEnd(range, addresses.length, header.netmask)) {
    const hint = 'begin the range at the beginning of a network'
    return problem('changes-meaning', `ipset would leave out the last network of "${text}"`, hint)
  }
  if (isBitmap) return inRange(text, addresses, header)
  if (isFirst && addresses.includes(0n)) {
    return problem('invalid-value', `"${text}" holds the address zero, which no hash can store`)
  }
  return addresses.map((address) => formatAddress(address, bits))
}

/** As `netmask` or `bitmask` of the set leave it. */
function cut(address: bigint, { netmask, bitmask }: SetHeader, bits: AddressBits): bigint {
  if (netmask !== undefined) return address & prefixMask(netmask, bits)
  if (bitmask !== undefined) return address & (parseAddress(bitmask, bits) ?? 0n)
  return address
}

function listAddresses(
  text: string,
  { from, to }: AddressRange,
  netmask: number,
  bits: AddressBits,
): readonly bigint[] | SetProblem {
  const step = 1n << BigInt(bits - netmask)
  const first = from & prefixMask(netmask, bits)
  const count = Number((to - first) / step) + 1
  if (count > MAX_ELEMENTS) return tooMany(text, count)
  return Array.from({ length: count }, (_, i) => first + BigInt(i) * step)
}

/** The kernel goes in steps of a network from where the range begins (bitmap_ip_uadt). */
function losesItsEnd({ from, to }: AddressRange, count: number, netmask = 32): boolean {
  return Number((to - from) >> BigInt(32 - netmask)) + 1 < count
}

function inRange(
  text: string,
  addresses: readonly bigint[],
  header: SetHeader,
): Texts | SetProblem {
  const [low, high] = (header.range ?? '').split('-').map((end) => parseAddress(end, 32))
  const isInside = addresses.every((a) => a >= (low ?? 0n) && a <= (high ?? 0n))
  if (isInside) return addresses.map((address) => formatAddress(address, 32))
  return problem('invalid-value', `"${text}" is outside of the range ${header.range}`)
}

function parseNets(text: string, { kind, header }: Place): Texts | SetProblem {
  const bits = bitsOf(header)
  const range = parseRange(text, bits)
  if (isProblem(range)) return range
  const { from, to, address } = range
  if (range.prefix === 0 && kind === 'net') {
    const hint = 'write two halves: 0.0.0.0/1 and 128.0.0.0/1, or ::/1 and 8000::/1'
    return problem('invalid-value', `"${text}" is everything, which ${header.type} refuses`, hint)
  }
  if (range.prefix !== undefined || from === to) {
    const prefix = range.prefix ?? bits
    return [formatNet(cut(address & prefixMask(prefix, bits), header, bits), prefix, bits)]
  }
  if (from === 0n && to === prefixMask(32, 32)) {
    return problem('invalid-value', `"${text}" is everything`, 'ipset refuses such a range')
  }
  if (header.netmask !== undefined || header.bitmask !== undefined) {
    return problem('never-matches', `"${text}": ranges do not go with netmask and bitmask`)
  }
  return rangeToNets(range, bits)
}

function parseBitmapPorts(text: string, header: SetHeader): Texts | SetProblem {
  const ports = parsePlainPorts(text, BUILTIN_NAMES)
  if (isProblem(ports)) return ports
  const [low = 0, high = 65535] = (header.range ?? '0-65535').split('-').map(Number)
  if (ports.from >= low && ports.to <= high) return expand(ports.from, ports.to).map(String)
  return problem('invalid-value', `"${text}" is outside of the range ${header.range}`)
}

function parseMac(text: string, header: SetHeader): Texts | SetProblem {
  if (!/^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(text)) {
    return problem('invalid-value', `"${text}" is not a MAC address`, 'write 01:02:03:0a:0b:0c')
  }
  const bytes = text.split(':').map((byte) => byte.padStart(2, '0').toUpperCase())
  if (header.type.startsWith('hash') && bytes.every((byte) => byte === '00')) {
    return problem('invalid-value', 'the MAC address of zeros can not be stored in a hash')
  }
  return [bytes.join(':')]
}

/** IFNAMSIZ without the final zero */
const MAX_INTERFACE_BYTES = 15

function parseInterface(text: string): Texts | SetProblem {
  const name = text.startsWith('physdev:') ? text.slice('physdev:'.length) : text
  if (!/^[^\s"'\\,/]+$/.test(name)) {
    return problem('invalid-value', `"${name}" is not the name of an interface`)
  }
  if (new TextEncoder().encode(name).length > MAX_INTERFACE_BYTES) {
    return problem('text-too-long', `interface "${name}" has over ${MAX_INTERFACE_BYTES} bytes`)
  }
  if (name.endsWith('+')) {
    const hint = `write { entry: "…,${name.slice(0, -1)}", wildcard: true }`
    return problem('never-matches', `ipset takes the + of "${name}" for a letter`, hint)
  }
  return [text]
}

function parseMark(text: string, { markmask }: SetHeader): Texts | SetProblem {
  const mark = /^(0|[1-9]\d*|0x[0-9a-f]+)$/i.test(text) ? BigInt(text) : -1n
  if (mark < 0n || mark > 0xffffffffn) {
    return problem('invalid-value', `"${text}" is not a mark`, 'write a number of 32 bits')
  }
  return [formatMark(mark & BigInt(markmask ?? '0xffffffff'))]
}

/** As ipset prints marks of entries and masks of sets. */
export function formatMark(mark: bigint): string {
  return `0x${mark.toString(16).padStart(8, '0')}`
}

function parseMember(text: string): Texts | SetProblem {
  if (SET_NAME.test(text) && new TextEncoder().encode(text).length <= MAX_NAME_BYTES) return [text]
  return problem('invalid-value', `"${text}" is not the name of a set`)
}

function tooMany(text: string, count: number): SetProblem {
  const hint = 'a set of type hash:net keeps networks as they are'
  return problem('invalid-value', `"${text}" stands for ${count} entries`, hint)
}

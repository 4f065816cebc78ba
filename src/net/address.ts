/**
 * IPv4 and IPv6 addresses and masks, read and printed as iptables does it. An address or a mask is
 * a bigint of 32 or 128 bits, most significant bit first.
 */

export type AddressBits = 32 | 128

/**
 * Reads an IPv4 address as iptables does: one to four parts, filled with zeros from the right
 * (`10.1` is 10.1.0.0), each decimal, `0x` hexadecimal or, with a leading zero, octal. A single
 * number over 255 is the whole address.
 */
export function parseIpv4(text: string): bigint | undefined {
  const parts = text.split('.')
  if (parts.length > 4) return undefined
  const numbers = parts.map(parseCNumber)
  if (numbers.some((n) => n === undefined)) return undefined
  const [first] = numbers
  if (numbers.length === 1 && first !== undefined && first > 255) {
    return first <= 0xffffffff ? BigInt(first) : undefined
  }
  let value = 0
  for (let i = 0; i < 4; i++) {
    const byte = numbers[i] ?? 0
    if (byte > 255) return undefined
    value = value * 256 + byte
  }
  return BigInt(value)
}

/** True when a part has a leading zero, which iptables reads as octal (`010` is 8). */
export function hasOctalPart(text: string): boolean {
  return /(^|\.)0[0-9]/.test(text)
}

function parseCNumber(text: string): number | undefined {
  if (/^(0|[1-9][0-9]*)$/.test(text)) return Number(text)
  if (/^0[xX][0-9a-fA-F]+$/.test(text)) return Number.parseInt(text, 16)
  if (/^0[0-7]+$/.test(text)) return Number.parseInt(text, 8)
  return undefined
}

export function formatIpv4(value: bigint): string {
  const n = Number(value)
  return `${Math.floor(n / 0x1000000)}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`
}

/** Reads an IPv6 address in any RFC 4291 form. A zone (`%eth0`) is dropped, as iptables drops it. */
export function parseIpv6(text: string): bigint | undefined {
  const address = text.replace(/%[^%/\s]+$/, '')
  const halves = address.split('::')
  if (halves.length > 2 || address === '') return undefined
  const head = parseGroups(halves[0] ?? '', halves.length === 1)
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? '', true) : []
  if (head === undefined || tail === undefined) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  let value = 0n
  for (const group of [...head, ...new Array<number>(missing).fill(0), ...tail]) {
    value = (value << 16n) | BigInt(group)
  }
  return value
}

/** The 16-bit groups between colons; the last one may be a dotted IPv4 address. */
function parseGroups(text: string, isTail: boolean): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [i, part] of parts.entries()) {
    if (isTail && i === parts.length - 1 && part.includes('.')) {
      const bytes = part.split('.')
      if (bytes.length !== 4 || !bytes.every((b) => /^(0|[1-9][0-9]{0,2})$/.test(b)))
        return undefined
      const [a = 0, b = 0, c = 0, d = 0] = bytes.map(Number)
      if (Math.max(a, b, c, d) > 255) return undefined
      groups.push(a * 256 + b, c * 256 + d)
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined
      groups.push(Number.parseInt(part, 16))
    }
  }
  return groups
}

/** Prints as glibc's inet_ntop: the longest run of zeros (of two or more) becomes `::`. */
export function formatIpv6(value: bigint): string {
  const groups: number[] = []
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((value >> shift) & 0xffffn))
  let start = -1
  let length = 1
  for (let i = 0; i < 8; i++) {
    let end = i
    while (end < 8 && groups[end] === 0) end++
    if (end - i > length) {
      start = i
      length = end - i
    }
    if (end > i) i = end
  }
  if (start === 0 && (length === 6 || (length === 5 && groups[5] === 0xffff))) {
    return `::${length === 5 ? 'ffff:' : ''}${formatIpv4(value & 0xffffffffn)}`
  }
  const hex = groups.map((g) => g.toString(16))
  if (start < 0) return hex.join(':')
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`
}

export function parseAddress(text: string, bits: AddressBits): bigint | undefined {
  return bits === 32 ? parseIpv4(text) : parseIpv6(text)
}

export function formatAddress(value: bigint, bits: AddressBits): string {
  return bits === 32 ? formatIpv4(value) : formatIpv6(value)
}

export function prefixMask(length: number, bits: AddressBits): bigint {
  const all = (1n << BigInt(bits)) - 1n
  return (all << BigInt(bits - length)) & all
}

/** The prefix length of a contiguous mask, else undefined. */
export function prefixLength(mask: bigint, bits: AddressBits): number | undefined {
  const inverted = mask ^ prefixMask(bits, bits)
  if ((inverted & (inverted + 1n)) !== 0n) return undefined
  return inverted === 0n ? bits : bits - inverted.toString(2).length
}

/** Reads what may follow the slash: a prefix length or a mask written as an address. */
export function parseMask(text: string, bits: AddressBits): bigint | undefined {
  if (/^[0-9]+$/.test(text)) {
    const length = parseCNumber(text)
    return length !== undefined && length <= bits ? prefixMask(length, bits) : undefined
  }
  if (bits === 32 && text.split('.').length !== 4) return undefined
  return parseAddress(text, bits)
}

export function formatMask(mask: bigint, bits: AddressBits): string {
  return String(prefixLength(mask, bits) ?? formatAddress(mask, bits))
}

/** An address and its mask; host bits are as written. */
export interface MaskedAddress {
  readonly address: bigint
  readonly mask: bigint
}

/** Reads `ADDRESS[/PREFIX|/MASK]`. */
export function parseMaskedAddress(text: string, bits: AddressBits): MaskedAddress | undefined {
  const slash = text.indexOf('/')
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash), bits)
  const mask = slash < 0 ? prefixMask(bits, bits) : parseMask(text.slice(slash + 1), bits)
  return address === undefined || mask === undefined ? undefined : { address, mask }
}

/** Prints `ADDRESS/PREFIX` with the host bits cleared, as `-s` and `-d` are saved. */
export function formatNetwork({ address, mask }: MaskedAddress, bits: AddressBits): string {
  return `${formatAddress(address & mask, bits)}/${formatMask(mask, bits)}`
}

/**
 * Whether a text is an IPv4 network just as `formatNetwork` prints it, told at little cost; but for the
 * one that holds all addresses, and masks that are no prefix. False is no verdict.
 */
export function isUsualNetwork(text: string): boolean {
  const slash = text.indexOf('/')
  const digits = text.length - slash - 1
  if (slash < 0 || digits < 1 || digits > 2) return false
  let prefix = 0
  for (let i = slash + 1; i < text.length; i++) {
    const digit = text.charCodeAt(i) - ZERO
    if (digit < 0 || digit > 9 || (prefix === 0 && digit === 0)) return false
    prefix = prefix * 10 + digit
  }
  const address = readQuad(text, slash)
  return address >= 0 && prefix <= 32 && address % 2 ** (32 - prefix) === 0
}

/** Whether a text is an IPv4 address just as `formatIpv4` prints it, told at little cost. */
export function isUsualIpv4(text: string): boolean {
  return readQuad(text, text.length) >= 0
}

const ZERO = 48
const DOT = 46

/** Four decimal numbers without leading zeros, up to there; -1 for anything else. */
function readQuad(text: string, end: number): number {
  let value = 0
  let dots = 0
  let byte = -1
  for (let i = 0; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code === DOT) {
      if (byte < 0) return -1
      value = value * 256 + byte
      byte = -1
      dots++
    } else {
      const digit = code - ZERO
      if (digit < 0 || digit > 9 || byte === 0) return -1
      byte = byte < 0 ? digit : byte * 10 + digit
      if (byte > 255) return -1
    }
  }
  return dots === 3 && byte >= 0 ? value * 256 + byte : -1
}

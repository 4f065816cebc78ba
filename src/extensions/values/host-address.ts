/**
 * Addresses that an extension takes through the C library (getaddrinfo), not through the parser of
 * `-s` and `-d`: `10.1` is 10.0.0.1 here. Host bits stay.
 */
import {
  type AddressBits,
  formatAddress,
  parseIpv6,
  prefixLength,
  prefixMask,
} from '../../net/address.ts'
import { type Random, type Refusal, refuse, type ValueContext, type ValueType } from '../extension.ts'
import { parseNumber } from './number.ts'

export function addressBits({ family }: ValueContext): AddressBits {
  return family === 'ipv4' ? 32 : 128
}

/** An IPv4 address as inet_aton reads it: the last part fills the bytes that are left. */
function parseInetAton(text: string): bigint | undefined {
  const parts = text.split('.').map(parseNumber)
  const last = parts.pop()
  if (parts.length > 3 || last === undefined) return undefined
  const left = 4 - parts.length
  if (last >= 1n << BigInt(8 * left)) return undefined
  let value = 0n
  for (const part of parts) {
    if (part === undefined || part > 255n) return undefined
    value = (value << 8n) | part
  }
  return (value << BigInt(8 * left)) | last
}

/** Reads an address; a host name is refused, an unusual spelling is a caution. */
export function parseHost(word: string, context: ValueContext): bigint | Refusal {
  const bits = addressBits(context)
  const address = bits === 32 ? parseInetAton(word) : parseIpv6(word)
  if (address === undefined) {
    const looksLikeName = /^[A-Za-z][\w.-]*$/.test(word)
    return looksLikeName
      ? refuse('host-name', `"${word}" is a host name`, 'write its address')
      : refuse('invalid-value', `"${word}" is not an ${bits === 32 ? 'IPv4' : 'IPv6'} address`)
  }
  const saved = formatAddress(address, bits)
  if (bits === 32 && !/^(0|[1-9]\d*)(\.(0|[1-9]\d*)){3}$/.test(word)) {
    const code = /(^|\.)0[0-9]/.test(word) ? 'octal-address' : 'changes-meaning'
    context.caution(refuse(code, `"${word}" is read as ${saved}`, `write ${saved} if it is meant`))
  }
  return address
}

/** An address alone. */
export function hostAddress(what: string, examples: readonly string[]): ValueType {
  return {
    name: `host ${what}`,
    words: 1,
    parse: ([word = ''], context) => {
      const address = parseHost(word, context)
      return typeof address === 'bigint' ? [formatAddress(address, addressBits(context))] : address
    },
    schema: { type: 'string' },
    description: `a ${what}`,
    examples,
    sample: (random, context) => [sampleAddress(random, context)],
  }
}

export interface HostMaskOptions {
  readonly what: string
  /** A save leaves out the mask of a single address; default true. */
  readonly omitFullMask?: boolean
}

/** `ADDRESS[/PREFIX|/MASK]`, the host bits kept. */
export function hostMask({ what, omitFullMask = true }: HostMaskOptions): ValueType {
  return {
    name: `host mask ${what} ${omitFullMask}`,
    words: 1,
    parse: ([word = ''], context) => {
      const bits = addressBits(context)
      const slash = word.indexOf('/')
      const address = parseHost(slash < 0 ? word : word.slice(0, slash), context)
      if (typeof address !== 'bigint') return address
      const length = slash < 0 ? bits : parsePrefix(word.slice(slash + 1), context)
      if (typeof length !== 'number') return length
      const saved = formatAddress(address, bits)
      return [length === bits && omitFullMask ? saved : `${saved}/${length}`]
    },
    schema: { type: 'string' },
    description: `a ${what}: an address, optionally with a prefix length`,
    examples: ['192.0.2.1', '192.0.2.0/24', '2001:db8::/32'],
    sample: (random, context) => {
      const address = sampleAddress(random, context)
      const bits = addressBits(context)
      const length = random(bits + 1)
      switch (random(4)) {
        case 0:
          return [address]
        case 1:
          return [`${address}/${formatAddress(prefixMask(length, bits), bits)}`]
        default:
          return [`${address}/${length}`]
      }
    },
  }
}

/** libxtables (xtopt_parse_plenmask) drops a mask that is no prefix: the address stands alone. */
function parsePrefix(text: string, context: ValueContext): number | Refusal {
  const bits = addressBits(context)
  const number = parseNumber(text)
  if (number !== undefined && number <= bits) return Number(number)
  const mask = bits === 32 ? parseInetAton(text) : parseIpv6(text)
  if (mask === undefined) {
    return refuse('invalid-value', `"/${text}" is not a prefix length or mask`, `0 to ${bits}`)
  }
  const length = prefixLength(mask, bits)
  if (length !== undefined) return length
  const message = `mask "/${text}" is not contiguous: iptables ignores it and matches one address`
  context.caution(refuse('changes-meaning', message, 'write a prefix length'))
  return bits
}

export function sampleAddress(random: Random, context: ValueContext): string {
  const some =
    context.family === 'ipv4'
      ? ['10.1.2.3', '0.0.0.0', '255.255.255.255', `192.168.${random(256)}.${random(256)}`]
      : ['2001:DB8::1', '::', '::ffff:1.2.3.4', `fe80:0:0::${random(65536).toString(16)}`]
  return some[random(some.length)] as string
}

import {
  type AddressBits,
  formatAddress,
  formatMask,
  parseIpv6,
  parseMask,
  prefixLength,
  prefixMask,
} from '../../net/address.ts'
import type { Family, Option } from '../../ruleset/model.ts'
import { refuse, type ValueContext, type ValueType } from '../extension.ts'

/**
 * Reads an IPv4 address as getaddrinfo does (inet_aton), which is not how `-s` reads it: the last
 * part fills what is left, so `10.1` is 10.0.0.1.
 */
function parseInetAton(text: string): bigint | undefined {
  const parts = text.split('.')
  const numbers = parts.map((part) => {
    if (/^(0|[1-9][0-9]*)$/.test(part)) return Number(part)
    if (/^0[xX][0-9a-fA-F]+$/.test(part)) return Number.parseInt(part, 16)
    return /^0[0-7]+$/.test(part) ? Number.parseInt(part, 8) : Number.NaN
  })
  const last = numbers.pop()
  if (last === undefined || numbers.length > 3) return undefined
  const rest = 256 ** (4 - numbers.length)
  if (!(last < rest) || !numbers.every((n) => n <= 255)) return undefined
  return BigInt(numbers.reduce((sum, n, i) => sum + n * 256 ** (3 - i), last))
}

/** An address as the extensions read it that leave it to getaddrinfo (XTTYPE_HOST). */
export function parseHost(text: string, family: Family): bigint | undefined {
  return family === 'ipv4' ? parseInetAton(text) : parseIpv6(text)
}

function bitsOf(family: Family): AddressBits {
  return family === 'ipv4' ? 32 : 128
}

/** An address with a prefix or mask; host bits stay, a mask of all bits is left out. */
export const hostMask: ValueType = {
  name: 'host with mask',
  words: 1,
  parse: ([word = ''], context) => {
    const { family } = context
    const bits = bitsOf(family)
    const [host = '', length, ...rest] = word.split('/')
    const address = parseHost(host, family)
    if (address === undefined || rest.length > 0) return refuseHost(host, family)
    cautionShort(host, address, context)
    const mask = length === undefined ? prefixMask(bits, bits) : parseMask(length, bits)
    if (mask === undefined) return refuse('invalid-value', `"${length}" is not a prefix or a mask`)
    if (prefixLength(mask, bits) === undefined) {
      // xtopt_parse_plenmask takes the length for -1 and sets all bits.
      return refuse('changes-meaning', `iptables takes the mask ${length} for a full one here`)
    }
    const suffix = formatMask(mask, bits)
    return [formatAddress(address, bits) + (suffix === String(bits) ? '' : `/${suffix}`)]
  },
  schema: { type: 'string' },
  description: 'an address, optionally with a prefix or mask',
  examples: ['192.0.2.1', '10.0.0.0/8', '2001:db8::/32'],
  sample: (random, { family }) => {
    const addresses =
      family === 'ipv4'
        ? [
            '10.1.2.3',
            '10.1.2.3/8',
            '192.168.7.0/255.255.255.0',
            '0.0.0.0/0',
            '1.2.3.4/32',
            '0x0a000001',
          ]
        : ['2001:DB8::1', '2001:db8::1/64', '::/0', 'fe80:0::1/ffff::', '::1/128', '::ffff:1.2.3.4']
    return [addresses[random(addresses.length)] as string]
  },
}

/** Says why a word is no address. */
export function refuseHost(text: string, family: Family): ReturnType<typeof refuse> {
  if (parseHost(text, family === 'ipv4' ? 'ipv6' : 'ipv4') !== undefined && /[.:]/.test(text)) {
    return refuse(
      'family-mismatch',
      `"${text}" is not an ${family === 'ipv4' ? 'IPv4' : 'IPv6'} address`,
    )
  }
  if (/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?$/.test(text) && /[g-z]/i.test(text)) {
    return refuse(
      'host-name',
      `"${text}" is not an address: a name would be looked up once`,
      'write the address',
    )
  }
  return refuse('invalid-value', `"${text}" is not an address`)
}

/** Short and octal spellings do not mean what they seem to. */
export function cautionShort(
  text: string,
  address: bigint,
  { family, caution }: ValueContext,
): void {
  if (family !== 'ipv4' || /^0[xX]/.test(text)) return
  const octal = /(^|\.)0[0-9]/.test(text)
  if (!octal && text.split('.').length === 4) return
  const means = formatAddress(address, 32)
  if (means === text) return
  caution(
    refuse(
      'octal-address',
      `iptables reads ${text} as ${means} here`,
      'write all four decimal parts',
    ),
  )
}

/** Host bits do not count in the kernel: the spelling of an option's network that keys compare. */
export function foldHostBits(option: Option): Option {
  const [word = ''] = option.values
  const [host = '', length] = word.split('/')
  if (length === undefined) return option
  const bits = host.includes(':') ? 128 : 32
  const address = parseHost(host, bits === 32 ? 'ipv4' : 'ipv6') ?? 0n
  const mask = parseMask(length, bits) ?? 0n
  return { ...option, values: [`${formatAddress(address & mask, bits)}/${length}`] }
}

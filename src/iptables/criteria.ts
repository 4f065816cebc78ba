/** The options of iptables itself: addresses, interfaces, protocol, counters. */
import { type Refusal, refuse, type ValueContext } from '../extensions/extension.ts'
import { parseNumber } from '../extensions/values/number.ts'
import { OWN_PROTOCOLS } from '../extensions/values/protocol.ts'
import { utf8Length } from '../extensions/values/text.ts'
import {
  type AddressBits,
  formatNetwork,
  hasOctalPart,
  parseMaskedAddress,
  prefixLength,
} from '../net/address.ts'
import { atLeast, type Counters, type Criterion, type Dialect } from '../ruleset/model.ts'

/** `-s A,B,…`: networks with their host bits cleared. */
export function parseNetworks(
  text: string,
  negated: boolean,
  context: ValueContext,
): readonly Criterion[] | Refusal {
  const parts = text.split(',')
  if (negated && parts.length > 1) {
    return refuse('list-not-negatable', 'a list of addresses can not be negated', 'use a set')
  }
  const networks: Criterion[] = []
  for (const part of parts) {
    const value = parseNetwork(part, context)
    if (typeof value !== 'string') return value
    if (negated && /^(0\.0\.0\.0|::)\/0$/.test(value)) {
      const never = refuse('never-matches', `"! ${part}" matches no packet`, 'remove the rule')
      const { backend, version } = context.dialect
      if (backend === 'nft' && atLeast(version, [1, 8, 7])) return never
      context.caution(never)
    }
    networks.push({ negated, value })
  }
  return networks
}

function parseNetwork(text: string, context: ValueContext): string | Refusal {
  const { family, caution, dialect } = context
  const bits = family === 'ipv4' ? 32 : 128
  if (text === 'localhost') {
    caution(refuse('host-name', '"localhost" is a name', 'write the address'))
    return family === 'ipv4' ? '127.0.0.1/32' : '::1/128'
  }
  const parsed = parseMaskedAddress(text, bits)
  if (parsed === undefined) return refuseNetwork(text, family)
  if (family === 'ipv4' && hasOctalPart(text)) {
    const hint = `write ${text.replace(/(^|\.)0+(?=[0-9])/g, '$1')} if decimal is meant`
    caution(
      refuse(
        'octal-address',
        `iptables reads a leading zero as octal: ${text} is ${formatNetwork(parsed, bits)}`,
        hint,
      ),
    )
  }
  if (family === 'ipv6' && text.includes('%')) {
    const message = `iptables drops the zone of ${text}: it would match on every interface`
    caution(refuse('changes-meaning', message, 'name the interface with -i or -o'))
  }
  if (isMiscompiled(parsed.mask, bits, dialect)) {
    const message = `iptables-nft 1.8.7 loads the mask of ${text} as another one`
    caution(refuse('changes-meaning', message, 'use prefixes, or another version of iptables'))
  }
  return formatNetwork(parsed, bits)
}

/** iptables-nft 1.8.7 turns 10.0.2.0/255.0.255.0 into 10.0.0.0/8 (seen with `nft list ruleset`). */
function isMiscompiled(mask: bigint, bits: AddressBits, { backend, version }: Dialect): boolean {
  return (
    backend === 'nft' && version.join('.') === '1.8.7' && prefixLength(mask, bits) === undefined
  )
}

function refuseNetwork(text: string, family: ValueContext['family']): Refusal {
  const other = family === 'ipv4' ? 128 : 32
  if (parseMaskedAddress(text, other) !== undefined) {
    const [is, wanted] = family === 'ipv4' ? ['IPv6', 'IPv4'] : ['IPv4', 'IPv6']
    return refuse('family-mismatch', `"${text}" is an ${is} address in an ${wanted} rule`)
  }
  if (/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?$/.test(text) && /[A-Za-z]/.test(text)) {
    return refuse(
      'host-name',
      `"${text}" is not an address: a host name would be looked up once and then be wrong`,
      'write the address, or define a group of addresses',
    )
  }
  return refuse('invalid-value', `"${text}" is not an address or network`)
}

/** An interface name; a `+` at the end is a wildcard. */
export function parseInterface(
  text: string,
  negated: boolean,
  { caution }: Pick<ValueContext, 'caution'>,
): Criterion | Refusal {
  if (text === '') return refuse('invalid-value', 'an empty interface name matches nothing')
  if (utf8Length(text) > 15) {
    return refuse('invalid-value', `interface name "${text}" is over 15 bytes`)
  }
  if (/[\s"\\]/.test(text)) {
    caution(
      refuse(
        'invalid-value',
        `interface name "${text}" has a blank or a quote: its save can not be loaded again`,
      ),
    )
  }
  if (negated && text === '+') {
    caution(
      refuse(
        'never-matches',
        '"! +" matches no interface, and iptables may save it as a match for all',
      ),
    )
  }
  return { negated, value: text }
}

/** A protocol by name or number; `all` and 0 match everything. */
export function parseProtocol(
  text: string,
  negated: boolean,
  { names }: ValueContext,
): Criterion | Refusal {
  const number = parseNumber(text)
  const name = text.toLowerCase()
  const value =
    number === undefined ? (OWN_PROTOCOLS[name] ?? names.protocolNumber(name)) : Number(number)
  if (value === undefined || value > 255) {
    return refuse('invalid-value', `"${text}" is not a protocol`, 'a name such as tcp, or 0 to 255')
  }
  if (negated && value === 0) return refuse('never-matches', `"! -p ${text}" matches no packet`)
  return { negated, value: String(value) }
}

/** `-c P B` or `-c P,B`. */
export function parseCounters(first: string, second: string | undefined): Counters | Refusal {
  const [packets, bytes] = second === undefined ? first.split(',') : [first, second]
  if (!/^[0-9]+$/.test(packets ?? '') || !/^[0-9]+$/.test(bytes ?? '')) {
    return refuse('invalid-value', 'counters are two numbers: PACKETS BYTES')
  }
  return { packets: BigInt(packets as string), bytes: BigInt(bytes as string) }
}

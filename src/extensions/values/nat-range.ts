import { formatAddress, formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from '../../net/address.ts'
import {
  type Random,
  type Refusal,
  refuse,
  type ValueContext,
  type ValueType,
} from '../extension.ts'
import { between } from './number.ts'
import { parsePort } from './port.ts'

/**
 * What a base port (`:80-90/5`) does: libxt_NAT reads it for every NAT target, but only DNAT knows
 * where to keep it.
 */
export type BasePort = 'kept' | 'lost' | 'refused'

const USE_DASH = 'write FIRST-LAST'

/** `PORT`, `FIRST-LAST` or, for DNAT, `FIRST-LAST/BASE`, as parse_ports of libxt_NAT reads it. */
function parsePorts(text: string, base: BasePort, typed: ValueContext): string | Refusal {
  const context = { ...typed, protocol: undefined }
  if (!/^[0-9]/.test(text)) {
    const port = parsePort(text, context)
    return typeof port === 'number' ? String(port) : port
  }
  if (text.includes(':')) return refuse('invalid-value', `"${text}" is not a port range`, USE_DASH)
  const [, first = '', last = first, shift] = /^([^-/]*)(?:-([^/]*))?(?:\/(.*))?$/.exec(text) ?? []
  if (!/^[0-9]/.test(last)) {
    return refuse('invalid-value', `"${last}" is not a port number`, 'a range takes numbers only')
  }
  const from = parsePort(first, context)
  if (typeof from !== 'number') return from
  const to = parsePort(last, context)
  if (typeof to !== 'number') return to
  if (from > to) {
    return refuse('invalid-value', `port range ${text} is reversed`, `write ${to}-${from}`)
  }
  const range = from === to ? String(from) : `${from}-${to}`
  return shift === undefined ? range : parseBase({ range, shift, base, text }, context)
}

interface Base {
  readonly range: string
  readonly shift: string
  readonly base: BasePort
  readonly text: string
}

function parseBase({ range, shift, base, text }: Base, context: ValueContext): string | Refusal {
  if (base === 'refused') {
    return refuse('invalid-value', `"${text}" has a base port, which only DNAT can take`)
  }
  const port = parsePort(shift, context)
  if (typeof port !== 'number') return port
  if (base === 'lost') {
    context.caution(
      refuse('changes-meaning', `the base port of "${text}" is lost: only DNAT can take one`),
    )
    return `${range}/0`
  }
  if (port === 0) return refuse('invalid-value', 'a base port is from 1 to 65535')
  if (!range.includes('-')) {
    const message = `iptables can not load its own save of "${text}": a base port needs a range`
    context.caution(refuse('changes-meaning', message, `write ${range}`))
  }
  return `${range}/${port}`
}

/** inet_pton: no short forms, no leading zeros, no zone. */
function parseStrict(text: string, { family }: ValueContext): bigint | Refusal {
  const v4 = /^(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}$/.test(text)
    ? parseIpv4(text)
    : undefined
  const v6 = text.includes('%') ? undefined : parseIpv6(text)
  const address = family === 'ipv4' ? v4 : v6
  if (address !== undefined) return address
  const other = family === 'ipv4' ? v6 : v4
  return other === undefined
    ? refuse('invalid-value', `"${text}" is not an address`, 'names and short forms are not read')
    : refuse(
        'family-mismatch',
        `"${text}" is not an ${family === 'ipv4' ? 'IPv4' : 'IPv6'} address`,
      )
}

/** `ADDRESS` or `FIRST-LAST`. */
function parseAddresses(text: string, context: ValueContext): string | Refusal {
  const dash = text.indexOf('-')
  const ends = dash < 0 ? [text] : [text.slice(0, dash), text.slice(dash + 1)]
  const numbers: bigint[] = []
  for (const end of ends) {
    const address = parseStrict(end, context)
    if (typeof address !== 'bigint') return address
    numbers.push(address)
  }
  const [from = 0n, to = from] = numbers
  const bits = context.family === 'ipv4' ? 32 : 128
  if (from > to) {
    const hint = `write ${ends[1]}-${ends[0]}`
    context.caution(refuse('changes-meaning', `address range ${text} is reversed`, hint))
  }
  const first = formatAddress(from, bits)
  return from === to ? first : `${first}-${formatAddress(to, bits)}`
}

/** Takes `[ADDRESSES]:PORTS` apart; IPv6 addresses with ports stand in brackets. */
function split(
  word: string,
  { family }: ValueContext,
): readonly [string, string | undefined] | undefined {
  if (word.startsWith('[')) {
    const [, inner = '', ports] = /^\[([^\]]*)\](?::(.*))?$/.exec(word) ?? []
    return family === 'ipv4' || !/^\[[^\]]*\](:|$)/.test(word) ? undefined : [inner, ports]
  }
  const colon = word.indexOf(':')
  const isPort = colon >= 0 && word.indexOf(':', colon + 1) < 0
  return isPort ? [word.slice(0, colon), word.slice(colon + 1)] : [word, undefined]
}

/** `[ADDRESS[-ADDRESS]][:PORT[-PORT[/BASE]]]`, what DNAT and SNAT map to. */
export function natRange(base: BasePort): ValueType {
  return {
    name: `nat range ${base}`,
    words: 1,
    parse: ([word = ''], context) => {
      const parts = split(word, context)
      if (parts === undefined) {
        const hint = context.family === 'ipv4' ? 'only IPv6 has brackets' : 'write [ADDRESS]:PORT'
        return refuse('invalid-value', `"${word}" is not an address with ports`, hint)
      }
      const [host, portText] = parts
      const ports = portText === undefined ? undefined : parsePorts(portText, base, context)
      if (typeof ports === 'object') return ports
      if (host === '' && ports !== undefined) return [`:${ports}`]
      const addresses = parseAddresses(host, context)
      if (typeof addresses !== 'string') return addresses
      if (ports === undefined) return [addresses]
      return [context.family === 'ipv6' ? `[${addresses}]:${ports}` : `${addresses}:${ports}`]
    },
    schema: { type: 'string' },
    description: 'an address or a range of addresses, a port or a range of ports, or both',
    examples: ['10.0.0.5', '10.0.0.5:8080', '10.0.0.5-10.0.0.9:1024-2048', ':8080'],
    sample: (random, context) => [sampleRange(random, base, context)],
  }
}

function sampleRange(random: Random, base: BasePort, context: ValueContext): string {
  const [first, last] = [random(256), random(256)].sort((a, b) => a - b) as [number, number]
  const address = (n: number): string =>
    context.family === 'ipv4'
      ? formatIpv4(BigInt(0x0a000000 + n))
      : formatIpv6((0x20010db8n << 96n) + BigInt(n))
  const range = random(2) === 0 ? address(first) : `${address(first)}-${address(last)}`
  if (!hasPorts(context.protocol) || random(3) === 0) return range
  const ports = samplePorts(random, base)
  if (random(5) === 0) return `:${ports}`
  return context.family === 'ipv4' ? `${range}:${ports}` : `[${range}]:${ports}`
}

function samplePorts(random: Random, base: BasePort): string {
  const from = between(random, 0, 65535)
  const to = between(random, from, 65535)
  const names = ['http', 'ssh', '0x50', '010', 'ftp-data']
  if (random(4) === 0) return names[random(names.length)] as string
  if (random(2) === 0) return String(from)
  if (base !== 'kept' || from === to || random(3) > 0) return `${from}-${to}`
  return `${from}-${to}/${between(random, 1, 65535)}`
}

/** `PORT` or `FIRST-LAST`, what MASQUERADE and REDIRECT map to. */
export function natPorts(base: BasePort): ValueType {
  return {
    name: `nat ports ${base}`,
    words: 1,
    parse: ([word = ''], context) => {
      const ports = parsePorts(word, base, context)
      return typeof ports === 'string' ? [ports] : ports
    },
    schema: { anyOf: [{ type: 'integer', minimum: 0, maximum: 65535 }, { type: 'string' }] },
    description: 'a port, a range such as 1024-2048, or a service name',
    examples: [8080, '1024-2048'],
    sample: (random) => [samplePorts(random, base)],
  }
}

/** TCP, UDP, SCTP, DCCP and, so libxt_NAT, ICMP: what may be mapped to ports. */
const PORT_PROTOCOLS: readonly string[] = ['1', '6', '17', '33', '132']

export function hasPorts(protocol: string | undefined): boolean {
  return protocol !== undefined && PORT_PROTOCOLS.includes(protocol)
}

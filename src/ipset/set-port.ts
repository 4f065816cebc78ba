/** `[PROTOCOL:]PORT`, `icmp:TYPE/CODE` and `PROTOCOL:0` in entries. */
import type { Names } from '../extensions/names.ts'
import { canonicalIcmp } from './icmp-names.ts'
import { isProblem, problem, type SetProblem } from './problem.ts'
import type { SetFamily } from './set.ts'

/** tcp, udp, sctp, udplite: `ip_set_proto_with_ports` of the kernel. */
const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 132, 136])
const ICMP_FAMILY: Readonly<Record<number, SetFamily>> = { 1: 'inet', 58: 'inet6' }

/** The ports of a part such as `udp:53-54`, each with its protocol: `udp:53`, `udp:54`. */
export function parsePorts(
  text: string,
  family: SetFamily,
  names: Names,
): readonly string[] | SetProblem {
  const { protocol, rest } = splitProtocol(text)
  const number = protocolNumber(protocol, names)
  if (number === undefined) return problem('invalid-value', `"${protocol}" is not a protocol`)
  const name = names.protocolName(number) ?? String(number)
  if (WITH_PORTS.has(number)) {
    const range = parsePortRange(rest, protocol, names)
    if (isProblem(range)) return range
    return expand(range.from, range.to).map((port) => `${name}:${port}`)
  }
  const icmpFamily = ICMP_FAMILY[number]
  if (icmpFamily === undefined) {
    if (rest === '0') return [`${name}:0`]
    return problem('invalid-value', `${protocol} has no ports`, `write ${protocol}:0`)
  }
  if (icmpFamily !== family) {
    return problem('family-mismatch', `${protocol} does not belong into a set of family ${family}`)
  }
  const icmp = canonicalIcmp(rest, number === 1 ? 1 : 58)
  if (icmp !== undefined) return [`${name}:${icmp}`]
  const hint = 'write TYPE/CODE, or a name that "ipset help" knows'
  return problem('invalid-value', `"${rest}" is not an ICMP message`, hint)
}

/** The ports of an entry of `bitmap:port`, which does not store protocols. */
export function parsePlainPorts(
  text: string,
  names: Names,
): { readonly from: number; readonly to: number } | SetProblem {
  const { protocol, rest } = splitProtocol(text)
  const number = protocolNumber(protocol, names)
  if (number !== undefined && WITH_PORTS.has(number)) return parsePortRange(rest, protocol, names)
  return problem('invalid-value', `"${protocol}" is not a protocol with ports`)
}

export function expand(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

/**
 * An entry with the protocol as a number, which ipset takes also where there is no /etc/protocols
 * (a minimal Debian has none).
 */
export function withProtocolNumber(element: string, names: Names): string {
  return element.replace(/,([^,:]+):/, (all, name: string) => {
    const number = protocolNumber(name, names)
    return number === undefined ? all : `,${number}:`
  })
}

function splitProtocol(text: string): { readonly protocol: string; readonly rest: string } {
  const colon = text.indexOf(':')
  if (colon < 0) return { protocol: 'tcp', rest: text }
  return { protocol: text.slice(0, colon).toLowerCase(), rest: text.slice(colon + 1) }
}

function protocolNumber(name: string, names: Names): number | undefined {
  const number = /^\d+$/.test(name) ? Number(name) : names.protocolNumber(name)
  return number !== undefined && number > 0 && number <= 255 ? number : undefined
}

function parsePortRange(
  text: string,
  protocol: string,
  names: Names,
): { readonly from: number; readonly to: number } | SetProblem {
  const bare = text.replace(/^\[(.*)\]$/, '$1')
  const whole = parsePort(bare, protocol, names)
  if (whole !== undefined) return { from: whole, to: whole }
  const [a = '', b = '', ...more] = bare.split(/\]?-\[?/)
  const [from, to] = [parsePort(a, protocol, names), parsePort(b, protocol, names)]
  if (from === undefined || to === undefined || more.length > 0) {
    return problem('invalid-value', `"${text}" is not a ${protocol} port or a range of ports`)
  }
  return from <= to ? { from, to } : { from: to, to: from }
}

function parsePort(text: string, protocol: string, names: Names): number | undefined {
  if (/^(0|[1-9]\d*)$/.test(text)) return Number(text) <= 65535 ? Number(text) : undefined
  if (/^0x[0-9a-f]{1,4}$/i.test(text)) return Number(text)
  return /^[A-Za-z]/.test(text) ? names.service(text, protocol) : undefined
}

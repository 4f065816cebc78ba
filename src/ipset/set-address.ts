/** Addresses, ranges and networks in entries: one text in, the texts that ipset keeps out. */
import {
  type AddressBits,
  formatAddress,
  parseIpv4,
  parseIpv6,
  prefixMask,
} from '../net/address.ts'
import { isProblem, problem, type SetProblem } from './problem.ts'

/** An inclusive range of addresses; `prefix` where it was written as a network. */
export interface AddressRange {
  readonly from: bigint
  readonly to: bigint
  readonly prefix?: number
  /** It was written as FROM-TO; the kernel masks those in other ways, even of one address. */
  readonly order?: 'up' | 'down'
  /** The address before the slash. */
  readonly address: bigint
}

/** `ADDRESS`, `ADDRESS/PREFIX` or, IPv4 only, `FROM-TO` in either order. */
export function parseRange(text: string, bits: AddressBits): AddressRange | SetProblem {
  const bare = text.replace(/^\[(.*)\]$/, '$1')
  const slash = bare.indexOf('/')
  if (slash >= 0) return parsePrefix(bare.slice(0, slash), bare.slice(slash + 1), bits)
  const dash = bare.indexOf('-')
  if (dash >= 0 && /^[\d.:a-fA-F]+-[\d.:a-fA-F]+$/.test(bare)) {
    if (bits === 128) {
      const hint = 'ipset has ranges for IPv4 only; write networks'
      return problem('invalid-value', `"${text}" is a range of IPv6 addresses`, hint)
    }
    const a = parseSingle(bare.slice(0, dash), bits)
    if (isProblem(a)) return a
    const b = parseSingle(bare.slice(dash + 1), bits)
    if (isProblem(b)) return b
    return a.value <= b.value
      ? { from: a.value, to: b.value, order: 'up', address: a.value }
      : { from: b.value, to: a.value, order: 'down', address: b.value }
  }
  const one = parseSingle(bare, bits)
  return isProblem(one) ? one : { from: one.value, to: one.value, address: one.value }
}

function parsePrefix(
  address: string,
  length: string,
  bits: AddressBits,
): AddressRange | SetProblem {
  const one = parseSingle(address, bits)
  if (isProblem(one)) return one
  if (!/^(0|[1-9]\d{0,2})$/.test(length) || Number(length) > bits) {
    const hint = `ipset takes a prefix length from 0 to ${bits}, no mask`
    return problem('invalid-value', `"/${length}" is not a prefix length`, hint)
  }
  const prefix = Number(length)
  const mask = prefixMask(prefix, bits)
  const from = one.value & mask
  const to = from | (mask ^ prefixMask(bits, bits))
  return { from, to, prefix, address: one.value }
}

function parseSingle(text: string, bits: AddressBits): { readonly value: bigint } | SetProblem {
  return bits === 32 ? parseStrictIpv4(text) : parseStrictIpv6(text)
}

/**
 * ipset reads `10.1` as inet_aton does (10.0.0.1), iptables as 10.1.0.0, and both read `010` as 8.
 * What has two meanings is refused; `192.168.0` has one.
 */
function parseStrictIpv4(text: string): { readonly value: bigint } | SetProblem {
  if (/(^|\.)0\d/.test(text) && /^[\d.]+$/.test(text)) {
    const hint = `write ${text.replaceAll(/(^|\.)0+(?=\d)/g, '$1')} if decimal is meant`
    return problem('octal-address', `ipset reads the leading zero of ${text} as octal`, hint)
  }
  const parts = text.split('.')
  const value = /^\d+(\.\d+){0,3}$/.test(text) ? parseIpv4(text) : undefined
  if (value !== undefined && (parts.length === 4 || (parts.length > 1 && parts.at(-1) === '0'))) {
    return { value }
  }
  if (value !== undefined) {
    return problem('invalid-value', `"${text}" is not a whole address`, 'write all four numbers')
  }
  if (parseIpv6(text) !== undefined && text.includes(':')) {
    return problem('family-mismatch', `"${text}" is an IPv6 address in a set for IPv4`)
  }
  return notAnAddress(text)
}

function parseStrictIpv6(text: string): { readonly value: bigint } | SetProblem {
  const value = text.includes('%') ? undefined : parseIpv6(text)
  if (value !== undefined) return { value }
  if (/^\d+(\.\d+){3}$/.test(text)) {
    return problem('family-mismatch', `"${text}" is an IPv4 address in a set for IPv6`)
  }
  return notAnAddress(text)
}

function notAnAddress(text: string): SetProblem {
  if (/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?$/.test(text) && /[A-Za-z]/.test(text)) {
    const message = `"${text}" is neither an address nor a group of addresses`
    return problem('unknown-group', message, 'host names would be looked up once and then be wrong')
  }
  return problem('invalid-value', `"${text}" is not an address`)
}

/** A network as ipset prints it: without the length where it is one address. */
export function formatNet(address: bigint, prefix: number, bits: AddressBits): string {
  const text = formatAddress(address & prefixMask(prefix, bits), bits)
  return prefix === bits ? text : `${text}/${prefix}`
}

/** The fewest networks that make up a range, from below: the kernel's ip_set_range_to_cidr. */
export function rangeToNets({ from, to }: AddressRange, bits: AddressBits): string[] {
  const nets: string[] = []
  for (let at = from; at <= to; ) {
    let prefix = bits as number
    while (prefix > 1) {
      const size = 1n << BigInt(bits - prefix + 1)
      if (at % size !== 0n || at + size - 1n > to) break
      prefix--
    }
    nets.push(formatNet(at, prefix, bits))
    at += 1n << BigInt(bits - prefix)
  }
  return nets
}

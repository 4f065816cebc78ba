/** The options of `ipset create`: read, printed, compared. */

import { BUILTIN_NAMES } from '../extensions/builtin-names.ts'
import { formatAddress, parseAddress, prefixMask } from '../net/address.ts'
import { formatMark } from './element.ts'
import { isProblem, problem, type SetProblem } from './problem.ts'
import type { SetHeader } from './set.ts'
import { parseRange } from './set-address.ts'
import { parsePlainPorts } from './set-port.ts'
import { type HeaderOption, isSetType, kernelFamily, typeOf } from './set-types.ts'

/** In the order in which `ipset save` prints them. */
const VALUES = [
  'family',
  'range',
  'markmask',
  'hashsize',
  'maxelem',
  'netmask',
  'bitmask',
  'timeout',
  'bucketsize',
] as const satisfies readonly HeaderOption[]
const FLAGS = [
  'counters',
  'comment',
  'skbinfo',
  'forceadd',
] as const satisfies readonly HeaderOption[]

/** What every type takes. */
const COMMON_OPTIONS: readonly HeaderOption[] = ['timeout', 'counters', 'comment', 'skbinfo']

/** What says nothing about the set: it follows from the options or is made up by the kernel. */
const IGNORED: ReadonlySet<string> = new Set(['initval', 'size', 'resize', 'probes', 'gc'])

export const MAX_TIMEOUT = 2147483
const BITMAP_SIZE = 65536n
/** What ipset takes when nothing is said. */
export const DEFAULT_MAXELEM = 65536

/** A `create` line without `create NAME`; undefined when there is an option that nobody knows. */
export function parseHeader(words: readonly string[]): SetHeader | undefined {
  const [type = '', ...rest] = words
  if (!isSetType(type)) return undefined
  const header: Record<string, unknown> = { type }
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i] as string
    if ((FLAGS as readonly string[]).includes(word)) header[word] = true
    else if ((VALUES as readonly string[]).includes(word)) {
      const value = rest[++i] ?? ''
      header[word] = /^\d+$/.test(value) ? Number(value) : value
    } else if (IGNORED.has(word)) i++
    else return undefined
  }
  if (header.markmask === '0xffffffff') delete header.markmask
  return header as unknown as SetHeader
}

/** The words after `create NAME`. */
export function printHeader(header: SetHeader): string {
  const values = VALUES.flatMap((key) => {
    const value = header[key]
    return value === undefined ? [] : [key, String(value)]
  })
  return [header.type, ...values, ...FLAGS.filter((key) => header[key])].join(' ')
}

/**
 * The header with its values as ipset prints them: masks that mask nothing left out, ranges from low
 * to high, sizes rounded. Says what the kernel or ipset would refuse.
 */
export function canonicalHeader(header: SetHeader): SetHeader | SetProblem {
  const { options } = typeOf(header)
  for (const key of [...VALUES, ...FLAGS]) {
    if (header[key] === undefined || options.includes(key) || COMMON_OPTIONS.includes(key)) continue
    return problem('conflicting-options', `a set of type ${header.type} has no ${key}`)
  }
  if (header.netmask !== undefined && header.bitmask !== undefined) {
    return problem('conflicting-options', 'netmask and bitmask exclude each other')
  }
  const steps = [canonicalMasks, canonicalRange, canonicalNumbers]
  let result: SetHeader = header
  for (const step of steps) {
    const next = step(result)
    if (isProblem(next)) return next
    result = next
  }
  return result
}

function canonicalMasks(header: SetHeader): SetHeader | SetProblem {
  const { netmask, bitmask, markmask, ...rest } = header
  const bits = kernelFamily(header) === 'inet6' ? 128 : 32
  if (netmask !== undefined && (netmask < 1 || netmask > bits)) {
    return problem('invalid-value', `netmask is a prefix length from 1 to ${bits}`)
  }
  const mask = bitmask === undefined ? undefined : parseAddress(bitmask, bits)
  if (bitmask !== undefined && (mask === undefined || mask === 0n)) {
    return problem('invalid-value', `bitmask "${bitmask}" is not a mask of its family`)
  }
  const mark = markmask === undefined ? undefined : readMark(markmask)
  if (markmask !== undefined && (mark === undefined || mark === 0n)) {
    return problem('invalid-value', `markmask "${markmask}" is not a mask of 32 bits`)
  }
  const isWhole = mask === prefixMask(bits, bits)
  return {
    ...rest,
    ...(netmask === undefined || netmask === bits ? {} : { netmask }),
    ...(mask === undefined || isWhole ? {} : { bitmask: formatAddress(mask, bits) }),
    ...(mark === undefined || mark === 0xffffffffn ? {} : { markmask: formatMark(mark) }),
  }
}

function readMark(text: string): bigint | undefined {
  const value = /^(\d+|0x[0-9a-f]+)$/i.test(text) ? BigInt(text) : -1n
  return value >= 0n && value <= 0xffffffffn ? value : undefined
}

function canonicalRange(header: SetHeader): SetHeader | SetProblem {
  if (!header.type.startsWith('bitmap')) return header
  const { range: text = '' } = header
  if (text === '') return problem('missing-option', `a set of type ${header.type} needs a range`)
  if (header.type === 'bitmap:port') {
    const ports = parsePlainPorts(text, BUILTIN_NAMES)
    if (isProblem(ports)) return ports
    if (/-/.test(text)) return { ...header, range: `${ports.from}-${ports.to}` }
    return problem('invalid-value', `"${text}" is not a range of ports`, 'write 1024-2047')
  }
  const range = parseRange(text, 32)
  if (isProblem(range)) return range
  if (!/[-/]/.test(text)) {
    return problem('invalid-value', `"${text}" is not a range`, 'write 10.0.0.0/24')
  }
  const step = 1n << BigInt(32 - (header.netmask ?? 32))
  const from = range.from & ~(step - 1n)
  const to = range.to | (step - 1n)
  const size = to - from + 1n
  const isNetwork = (size & (size - 1n)) === 0n && from % size === 0n
  if (header.netmask !== undefined && (!isNetwork || size === step)) {
    const hint = 'the kernel refuses it otherwise, or stores nothing'
    return problem('invalid-value', 'with netmask, the range is a network of several such', hint)
  }
  if (size / step > BITMAP_SIZE) {
    const hint = 'use a type of hash, or netmask'
    return problem('invalid-value', `the range ${text} has over ${BITMAP_SIZE} entries`, hint)
  }
  return { ...header, range: `${formatAddress(from, 32)}-${formatAddress(to, 32)}` }
}

function canonicalNumbers(header: SetHeader): SetHeader | SetProblem {
  const { timeout, hashsize, maxelem, bucketsize } = header
  if (timeout !== undefined && (timeout < 0 || timeout > MAX_TIMEOUT)) {
    return problem('invalid-value', `timeout is a number of seconds from 0 to ${MAX_TIMEOUT}`)
  }
  if (hashsize !== undefined && (hashsize < 1 || hashsize > 2 ** 31)) {
    return problem('invalid-value', 'hashsize is a number from 1 to 2147483648')
  }
  if (maxelem !== undefined && (maxelem < 1 || maxelem > 2 ** 32 - 1)) {
    return problem('invalid-value', 'maxelem is a number from 1 to 4294967295')
  }
  if (bucketsize !== undefined && (bucketsize < 2 || bucketsize > 14 || bucketsize % 2 === 1)) {
    return problem('invalid-value', 'bucketsize is an even number from 2 to 14')
  }
  if (hashsize === undefined) return header
  return { ...header, hashsize: Math.max(64, powerOfTwo(hashsize)) }
}

/** The first power of two that is not smaller. */
function powerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, value)))
}

/**
 * Why a live set has to be made anew, in words such as `maxelem 65536 => 131072`; empty when it does
 * not. Sizes only count where they are declared, or where the entries do not fit.
 */
export function headerDifferences(live: SetHeader, goal: SetHeader, entries: number): string[] {
  const found: string[] = []
  const differ = (key: string, before: unknown, after: unknown): void => {
    if (before !== after) found.push(`${key} ${before ?? 'none'} => ${after ?? 'none'}`)
  }
  differ('type', live.type, goal.type)
  differ('family', kernelFamily(live), kernelFamily(goal))
  for (const key of ['range', 'markmask', 'netmask', 'bitmask', 'timeout'] as const) {
    differ(key, live[key], goal[key])
  }
  for (const key of ['counters', 'comment', 'skbinfo'] as const) {
    differ(key, live[key] ? 'on' : 'off', goal[key] ? 'on' : 'off')
  }
  // ipset 7.17 does not print forceadd, so its absence says nothing.
  if (live.forceadd && !goal.forceadd) found.push('forceadd on => off')
  const isHash = goal.type.startsWith('hash')
  if (!isHash || live.type !== goal.type) return found
  if (goal.maxelem !== undefined) differ('maxelem', live.maxelem, goal.maxelem)
  else if ((live.maxelem ?? DEFAULT_MAXELEM) < entries) {
    differ('maxelem', live.maxelem, maxelemFor(entries))
  }
  // The kernel doubles it as entries come.
  if ((live.hashsize ?? 0) < (goal.hashsize ?? 0)) differ('hashsize', live.hashsize, goal.hashsize)
  if (goal.bucketsize !== undefined) differ('bucketsize', live.bucketsize, goal.bucketsize)
  return found
}

/** The room that a set needs when nobody says how much. */
export function maxelemFor(entries: number): number {
  return Math.max(DEFAULT_MAXELEM, powerOfTwo(entries))
}

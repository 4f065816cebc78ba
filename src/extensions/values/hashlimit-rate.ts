import { refuse, type ValueType } from '../extension.ts'
import { parseNumber } from './number.ts'
import { formatRate, parseRate } from './rate.ts'

/** XT_HASHLIMIT_SCALE_v2: a rate is stored as its cost, in units of a microsecond. */
export const HASHLIMIT_SCALE = 1_000_000

const UINT32_MAX = 0xffffffffn
const FACTORS = { m: 1048576n, k: 1024n, '': 1n } as const
const SECONDS = { sec: 1, min: 60, hour: 3600, day: 86400 } as const

/** A rate as libxt_hashlimit stores it. */
export type HashlimitRate =
  | { readonly kind: 'bytes'; readonly cost: bigint }
  | { readonly kind: 'packets'; readonly cost: number; readonly seconds: number }

/** Bytes per second cost what is left of 2^32 when they are counted by 16. */
function bytesToCost(bytes: bigint): bigint {
  return UINT32_MAX / (((bytes >> 4n) & UINT32_MAX) + 1n)
}

/** The bytes per second that a save prints for a cost. */
export function costToBytes(cost: bigint): bigint {
  return (UINT32_MAX / cost - 1n) << 4n
}

/** `10/minute`, or bytes: `512kb/s`. Undefined when it is none. */
export function parseHashlimitRate(word: string): HashlimitRate | undefined {
  const bytes = /^([0-9]+)([km]?)b\/s(?:e|ec|eco|econ|econd)?$/.exec(word)
  if (bytes) {
    const total = BigInt(bytes[1] as string) * FACTORS[bytes[2] as 'k' | 'm' | '']
    // Below 16 it is saved as 0b/s, which does not load; from 2^36 on it wraps around.
    return total < 16n || total >= 1n << 36n
      ? undefined
      : { kind: 'bytes', cost: bytesToCost(total) }
  }
  const cost = parseRate(word, HASHLIMIT_SCALE)
  const unit = word.split('/')[1]?.[0]?.toLowerCase() as 's' | 'm' | 'h' | 'd' | undefined
  if (cost === undefined || cost === 0) return undefined
  const seconds = { s: SECONDS.sec, m: SECONDS.min, h: SECONDS.hour, d: SECONDS.day }[unit ?? 's']
  return { kind: 'packets', cost, seconds }
}

/** As a save prints it. */
export function formatHashlimitRate(rate: HashlimitRate): string {
  if (rate.kind === 'packets') return formatRate(rate.cost, HASHLIMIT_SCALE)
  const bytes = costToBytes(rate.cost)
  for (const unit of ['m', 'k'] as const) {
    const rounded = bytes & UINT32_MAX & ~(FACTORS[unit] - 1n)
    if (bytes >= FACTORS[unit] && bytesToCost(rounded) === rate.cost) {
      return `${bytes / FACTORS[unit]}${unit}b/s`
    }
  }
  return `${bytes}b/s`
}

/** How long the unit of a printed rate is. */
export function printedSeconds(text: string): number {
  return SECONDS[text.split('/')[1] as keyof typeof SECONDS]
}

/**
 * A rate of packets or bytes. The unit of packets is kept as typed, for it sets how long an entry
 * lives; the entry reduces it then.
 */
export const hashlimitRate: ValueType = {
  name: 'hashlimit rate',
  words: 1,
  parse: ([word = '']) => {
    const rate = parseHashlimitRate(word)
    if (rate === undefined) {
      const hint = 'a number of packets up to 1000000 per second, or bytes: 10/minute, 512kb/s'
      return refuse('invalid-value', `"${word}" is not a rate`, hint)
    }
    if (rate.kind === 'bytes') return [formatHashlimitRate(rate)]
    const [unit] = Object.entries(SECONDS).find(([, s]) => s === rate.seconds) as [string, number]
    return [`${Number.parseInt(word, 10)}/${unit}`]
  },
  schema: { anyOf: [{ type: 'integer', minimum: 1 }, { type: 'string' }] },
  description: 'a rate: packets per second, minute, hour or day, or bytes per second',
  examples: ['10/minute', '512kb/s'],
  sample: (random) => {
    const units = ['', '/s', '/sec', '/second', '/m', '/min', '/minute', '/h', '/hour', '/DAY']
    const packets = units[random(14)]
    const count = 1 + random(random(2) === 0 ? 100 : 20000)
    if (packets !== undefined) return [`${count}${packets}`]
    return [`${count + 15}${['b/s', 'kb/s', 'kb/sec', 'mb/second'][random(4)]}`]
  },
}

/** A burst: packets, or bytes with a unit. */
export interface Burst {
  readonly total: bigint
  readonly plain: boolean
}

export function parseBurst(word: string): Burst | undefined {
  const parts = /^([0-9a-fA-FxX]+?)(b|kb?|mb?)?$/.exec(word)
  const number = parts ? parseNumber(parts[1] as string) : undefined
  if (number === undefined || number === 0n) return undefined
  const unit = parts?.[2]
  const total = number * FACTORS[(unit ?? '').replace('b', '') as 'k' | 'm' | '']
  return { total, plain: unit === undefined }
}

/** As a save prints bytes: in the largest unit, without what is left over. */
export function formatBytes(bytes: bigint): string {
  const unit = bytes >= FACTORS.m ? 'm' : bytes >= FACTORS.k ? 'k' : ''
  return `${bytes / FACTORS[unit]}${unit}b`
}

/** Normal form: `20`, or bytes with a unit: `20b`, `20kb`, `20mb`. */
export const hashlimitBurst: ValueType = {
  name: 'hashlimit burst',
  words: 1,
  parse: ([word = '']) => {
    const burst = parseBurst(word)
    if (burst === undefined) return refuse('invalid-value', `"${word}" is not a burst`)
    if (burst.plain && burst.total > 1000000n) {
      return refuse('invalid-value', `burst ${word} is out of range: 1 to 1000000`)
    }
    return [burst.plain ? String(burst.total) : `${burst.total}b`]
  },
  schema: { anyOf: [{ type: 'integer', minimum: 1, maximum: 1000000 }, { type: 'string' }] },
  description: 'a number of packets, or of bytes: 20, 512kb',
  examples: [20, '512kb'],
  sample: (random) => {
    const count = 1 + random(random(2) === 0 ? 50 : 5000)
    return [`${count}${['', '', '', 'b', 'k', 'kb', 'mb'][random(7)]}`]
  },
}

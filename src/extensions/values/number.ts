import { type Random, type Refusal, refuse, type ValueType } from '../extension.ts'

/**
 * Reads a number as iptables does (strtoul with base 0): decimal, `0x` hexadecimal, or octal with a
 * leading zero. Undefined when it is none, or over 2^64 - 1.
 */
export function parseNumber(text: string): bigint | undefined {
  if (/^(0|[1-9][0-9]*)$/.test(text) || /^0[xX][0-9a-fA-F]+$/.test(text)) return BigInt(text)
  if (/^0[0-7]+$/.test(text)) return BigInt(`0o${text.slice(1)}`)
  return undefined
}

export interface NumberOptions {
  readonly min?: number
  readonly max: number
  /** How a save writes it; decimal when absent. */
  readonly print?: (value: number) => string
  readonly what?: string
}

/** Reads a number within bounds, or says why not. */
export function parseBounded(
  text: string,
  { min = 0, max, what = 'number' }: NumberOptions,
): number | Refusal {
  const value = parseNumber(text)
  if (value === undefined) return refuse('invalid-value', `"${text}" is not a ${what}`)
  if (value < BigInt(min) || value > BigInt(max)) {
    return refuse('invalid-value', `${what} ${text} is out of range: ${min} to ${max}`)
  }
  return Number(value)
}

/** A whole number between bounds. */
export function integer(options: NumberOptions): ValueType {
  const { min = 0, max, print = String, what = 'number' } = options
  return {
    name: `integer ${min}-${max}`,
    words: 1,
    parse: ([word = '']) => {
      const value = parseBounded(word, options)
      return typeof value === 'number' ? [print(value)] : value
    },
    schema: { anyOf: [{ type: 'integer', minimum: min, maximum: max }, { type: 'string' }] },
    description: `a ${what} from ${min} to ${max}`,
    examples: [min === 0 ? Math.min(max, 1) : min],
    sample: (random) => [spell(random, between(random, min, max))],
  }
}

export interface RangeOptions extends NumberOptions {
  /** Between the two ends: `:` or `-`. */
  readonly separator: ':' | '-'
  /** An end may be left out: `:10` and `10:`. */
  readonly open?: boolean
  /** `7:7` is saved as `7`; default true. */
  readonly collapse?: boolean
  /** A first end over the second is accepted, and never matches. */
  readonly reversed?: 'refused' | 'accepted'
  /** A single `7` is saved as `7:7`. */
  readonly expand?: boolean
}

/** A number or a range of numbers. */
export function integerRange(options: RangeOptions): ValueType {
  const { separator, min = 0, max, print = String, what = 'number' } = options
  return {
    name: `range ${min}${separator}${max}`,
    words: 1,
    parse: ([word = '']) => {
      const range = parseRange(word, options)
      if (!Array.isArray(range)) return range as Refusal
      const [from, to] = range as [number, number]
      return [formatRange(from, to, options)]
    },
    schema: { anyOf: [{ type: 'integer', minimum: min, maximum: max }, { type: 'string' }] },
    description: `a ${what} or a range, ${min}${separator}${max} at most`,
    examples: [`${print(min)}${separator}${print(Math.min(max, min + 10))}`],
    sample: (random) => {
      const a = between(random, min, max)
      const b = between(random, a, max)
      return [
        random(3) === 0 ? spell(random, a) : `${spell(random, a)}${separator}${spell(random, b)}`,
      ]
    },
  }
}

function formatRange(from: number, to: number, options: RangeOptions): string {
  const { separator, print = String, collapse = true } = options
  return from === to && collapse ? print(from) : `${print(from)}${separator}${print(to)}`
}

/** The two ends of `A`, `A:B`, `:B` or `A:`. */
export function parseRange(word: string, options: RangeOptions): [number, number] | Refusal {
  const { separator, open = true, min = 0, max, what = 'number' } = options
  const at = word.indexOf(separator)
  if (at < 0) {
    const value = parseBounded(word, options)
    return typeof value === 'number' ? [value, value] : value
  }
  const ends = [word.slice(0, at), word.slice(at + 1)]
  if (!open && ends.includes('')) return refuse('invalid-value', `"${word}" is not a ${what} range`)
  const from = ends[0] === '' ? min : parseBounded(ends[0] as string, options)
  if (typeof from !== 'number') return from
  const to = ends[1] === '' ? max : parseBounded(ends[1] as string, options)
  if (typeof to !== 'number') return to
  if (from > to && options.reversed !== 'accepted') {
    return refuse(
      'invalid-value',
      `${what} range ${word} is reversed`,
      `write ${to}${separator}${from}`,
    )
  }
  return [from, to]
}

/** A random number in min … max, small ones and the ends more often. */
export function between(random: Random, min: number, max: number): number {
  const span = max - min
  switch (random(6)) {
    case 0:
      return min
    case 1:
      return max
    case 2:
      return min + Math.min(span, random(16))
    default:
      return min + (span < 0x7fffffff ? random(span + 1) : random(0x7fffffff))
  }
}

/** One of the spellings iptables reads: decimal mostly, sometimes hexadecimal. */
export function spell(random: Random, value: number): string {
  return random(5) === 0 ? `0x${value.toString(16)}` : String(value)
}

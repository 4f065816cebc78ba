import { type Refusal, refuse, type ValueType } from '../extension.ts'
import { between, parseNumber, spell } from './number.ts'

export interface MarkOptions {
  readonly what: string
  readonly bits: 8 | 16 | 32
  /** A mask with all bits set is left out on save; default true. */
  readonly omitFullMask?: boolean
}

/** A number with a mask, both saved in hexadecimal: `0x10/0xff`. */
export function mark({ what, bits, omitFullMask = true }: MarkOptions): ValueType {
  const full = 2 ** bits - 1
  return {
    name: `mark ${what}`,
    words: 1,
    parse: ([word = '']) => {
      const read = parseMark(word, full, what)
      if (!Array.isArray(read)) return read as Refusal
      const [value, mask] = read as [number, number]
      return [mask === full && omitFullMask ? hex(value) : `${hex(value)}/${hex(mask)}`]
    },
    schema: { anyOf: [{ type: 'integer', minimum: 0, maximum: full }, { type: 'string' }] },
    description: `a ${what}, optionally with a mask: VALUE/MASK`,
    examples: ['0x1', '0x10/0xf0'],
    sample: (random) => {
      const value = spell(random, between(random, 0, full))
      return [random(2) === 0 ? value : `${value}/${spell(random, between(random, 0, full))}`]
    },
  }
}

/** VALUE and MASK of `VALUE[/MASK]`; without a mask all bits count. */
export function parseMark(word: string, full: number, what: string): [number, number] | Refusal {
  const [value = '', mask, ...rest] = word.split('/')
  const numbers = [value, mask ?? String(full)].map(parseNumber)
  if (rest.length > 0 || numbers.some((n) => n === undefined || n > BigInt(full))) {
    return refuse(
      'invalid-value',
      `"${word}" is not a ${what}`,
      `write VALUE or VALUE/MASK, up to ${hex(full)}`,
    )
  }
  return numbers.map(Number) as [number, number]
}

export function hex(value: number): string {
  return `0x${value.toString(16)}`
}

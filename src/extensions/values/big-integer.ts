import { refuse, type ValueType } from '../extension.ts'
import { type NumberOptions, parseNumber } from './number.ts'

/** A whole number of up to 64 bits, saved in decimal. */
export function bigInteger({
  what = 'number',
  min = 0,
}: Pick<NumberOptions, 'what' | 'min'>): ValueType {
  const max = 2n ** 64n - 1n
  return {
    name: `integer ${min}-${max}`,
    words: 1,
    parse: ([word = '']) => {
      const value = parseNumber(word)
      if (value === undefined) return refuse('invalid-value', `"${word}" is not a ${what}`)
      if (value < BigInt(min) || value > max) {
        return refuse('invalid-value', `${what} ${word} is out of range: ${min} to ${max}`)
      }
      return [String(value)]
    },
    schema: { anyOf: [{ type: 'integer', minimum: min }, { type: 'string' }] },
    description: `a ${what} from ${min} to ${max}`,
    examples: [1000],
    sample: (random) => {
      const values = [String(min), String(max), `0x${random(0x7fffffff).toString(16)}`]
      return [values[random(8)] ?? String(min + random(1_000_000))]
    },
  }
}

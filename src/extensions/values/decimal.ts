import { refuse, type ValueType } from '../extension.ts'
import { between, integer, type NumberOptions } from './number.ts'

/** A whole number that is read in decimal only, whatever it begins with. */
export function decimal(options: NumberOptions): ValueType {
  const { min = 0, max, what = 'number' } = options
  const type = integer(options)
  return {
    ...type,
    name: `decimal ${min}-${max}`,
    parse: ([word = ''], context) =>
      /^[0-9]+$/.test(word)
        ? type.parse([String(BigInt(word))], context)
        : refuse('invalid-value', `"${word}" is not a ${what}`),
    sample: (random) => [`${random(5) === 0 ? '0' : ''}${between(random, min, max)}`],
  }
}

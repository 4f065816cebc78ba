import { refuse, type ValueType } from '../extension.ts'

const ONE = 2 ** 31

/**
 * A probability, which the kernel keeps in units of 2^-31. Saved with 11 decimals: 5^11 / 2^20 of
 * them in a unit, rounded half to even as printf does.
 */
function format(units: number): string {
  const scaled = BigInt(units) * 5n ** 11n
  const below = scaled & 0xfffffn
  let decimals = scaled >> 20n
  if (below > 0x80000n || (below === 0x80000n && (decimals & 1n) === 1n)) decimals += 1n
  const digits = decimals.toString().padStart(12, '0')
  return `${digits.slice(0, -11)}.${digits.slice(-11)}`
}

export const probability: ValueType = {
  name: 'probability',
  words: 1,
  parse: ([word = '']) => {
    const value = /^([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$/i.test(word) ? Number(word) : -1
    if (value < 0 || value > 1) {
      return refuse('invalid-value', `"${word}" is not a probability`, 'write a number from 0 to 1')
    }
    return [format(Math.round(value * ONE))]
  },
  schema: { anyOf: [{ type: 'number', minimum: 0, maximum: 1 }, { type: 'string' }] },
  description: 'a probability from 0 to 1',
  examples: [0.5, '0.33333'],
  sample: (random) => {
    const some = ['1', '.5', '1e-3', '0.000244140625', `0.${random(1e9)}`, `0.${random(100)}`]
    return [some[random(some.length)] as string]
  },
}

import { prefixLength as lengthOf, parseMask } from '../../net/address.ts'
import { refuse, type ValueType } from '../extension.ts'
import { between, parseNumber } from './number.ts'

/**
 * The length of a prefix, or a contiguous mask written as an address (XTTYPE_PLEN). A longer prefix
 * than the family has is taken for a mask (64 is 0.0.0.64) and then for a full one: refused here.
 */
export const prefixLength: ValueType = {
  name: 'prefix length',
  words: 1,
  parse: ([word = ''], { family }) => {
    const bits = family === 'ipv4' ? 32 : 128
    const number = parseNumber(word)
    if (number !== undefined && number <= BigInt(bits)) return [String(number)]
    const mask = number === undefined ? parseMask(word, bits) : undefined
    const length = mask === undefined ? undefined : lengthOf(mask, bits)
    if (length !== undefined) return [String(length)]
    return refuse('invalid-value', `"${word}" is not a prefix length`, `0 to ${bits}`)
  },
  schema: { anyOf: [{ type: 'integer', minimum: 0, maximum: 128 }, { type: 'string' }] },
  description: 'a prefix length, or a mask',
  examples: [24, 64],
  sample: (random, { family }) => {
    const bits = family === 'ipv4' ? 32 : 128
    const masks = family === 'ipv4' ? ['255.255.255.0', '0x18'] : ['ffff:ffff::', '0x40']
    return [masks[random(6)] ?? String(between(random, 0, bits))]
  },
}

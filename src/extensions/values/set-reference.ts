import { refuse, type ValueType } from '../extension.ts'

/** IPSET_DIM_MAX of libxt_set */
const MAX_DIMENSIONS = 6

/** Two words: the name of an ipset, and which address, port or interface of the packet goes where. */
export const setReference: ValueType = {
  name: 'set reference',
  words: 2,
  parse: ([name = '', flags = '']) => {
    if (!/^[^\s"'\\,!-][^\s"'\\]*$/.test(name)) {
      return refuse('invalid-value', `"${name}" is not the name of a set`)
    }
    if (new TextEncoder().encode(name).length > 31) {
      return refuse('text-too-long', `set name "${name}" has over 31 bytes`)
    }
    const directions = flags.split(',')
    const wrong = directions.find((d) => d !== 'src' && d !== 'dst')
    if (wrong !== undefined) {
      return refuse('invalid-value', `"${wrong}" is not src or dst`, 'write src, dst or src,dst')
    }
    if (directions.length > MAX_DIMENSIONS) {
      return refuse('invalid-value', `a set has at most ${MAX_DIMENSIONS} dimensions`)
    }
    return [name, flags]
  },
  schema: {
    anyOf: [
      { type: 'string' },
      { type: 'array', items: { type: 'string' }, minItems: 2, maxItems: 2 },
    ],
  },
  description: 'the name of a set, and a list of src and dst: one for each dimension of the set',
  examples: ['admins src', 'services dst,dst'],
  sample: (random) => {
    const flags = ['src', 'dst', 'src,dst', 'dst,dst', 'src,dst,src']
    return ['fwctl-sample', flags[random(flags.length)] as string]
  },
}

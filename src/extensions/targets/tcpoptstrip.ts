import { refuse, type TargetExtension, type ValueType } from '../extension.ts'
import { between, parseBounded } from '../values/number.ts'

const NAMES: Readonly<Record<string, number>> = {
  wscale: 3,
  mss: 2,
  'sack-permitted': 4,
  sack: 5,
  timestamp: 8,
  md5: 19,
}

/** Numbers and names of TCP options, saved as numbers in their order. 0 and 1 are padding. */
const TCP_OPTIONS: ValueType = {
  name: 'tcp options',
  words: 1,
  parse: ([word = '']) => {
    const numbers: number[] = []
    for (const part of word.split(',')) {
      const number = NAMES[part] ?? parseBounded(part, { min: 2, max: 255, what: 'TCP option' })
      if (typeof number !== 'number') {
        return { ...number, hint: `2 to 255, or one of: ${Object.keys(NAMES).join(', ')}` }
      }
      if (numbers.includes(number)) {
        return refuse('invalid-value', `TCP option ${part} is given twice`)
      }
      numbers.push(number)
    }
    return [numbers.sort((a, b) => a - b).join(',')]
  },
  schema: {
    anyOf: [
      { type: 'integer', minimum: 2, maximum: 255 },
      { type: 'string' },
      { type: 'array', items: { anyOf: [{ type: 'integer' }, { type: 'string' }] } },
    ],
  },
  description: 'one or more TCP options, by number or name',
  examples: ['wscale,timestamp'],
  sample: (random) => {
    const names = Object.keys(NAMES).filter(() => random(3) === 0)
    const number = String(between(random, 20, 255))
    return [random(2) === 0 && names.length > 0 ? names.join(',') : [number, ...names].join(',')]
  },
}

/** libxt_TCPOPTSTRIP */
export const tcpoptstrip: TargetExtension = {
  kind: 'target',
  name: 'TCPOPTSTRIP',
  summary: 'Replaces options of the TCP header by no-ops.',
  terminating: false,
  tables: ['mangle'],
  protocols: ['6'],
  options: {
    'strip-options': { value: TCP_OPTIONS, description: 'The options that are replaced.' },
  },
}

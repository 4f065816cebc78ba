import { type Refusal, refuse, type ValueType } from '../extension.ts'
import { parseMark } from './mark.ts'
import { between, spell } from './number.ts'

const SYMBOLS: Readonly<Record<string, number>> = {
  'minimize-delay': 0x10,
  'maximize-throughput': 0x08,
  'maximize-reliability': 0x04,
  'minimize-cost': 0x02,
  'normal-service': 0x00,
}

/** XTTYPE_TOSMASK: a symbol leaves the two ECN bits out. */
const SYMBOL_MASK = 0x3f

/** A TOS with a mask, saved as two hexadecimal digits each: `0x10/0xff`. */
export const tosMask: ValueType = {
  name: 'tos',
  words: 1,
  parse: ([word = '']) => {
    const symbol = SYMBOLS[word.toLowerCase()]
    if (symbol !== undefined) return [print(symbol, SYMBOL_MASK)]
    const numbers = parseMark(word, 0xff, 'TOS')
    if (Array.isArray(numbers)) return [print(...(numbers as [number, number]))]
    const hint = `VALUE[/MASK] up to 0xff, or one of: ${Object.keys(SYMBOLS).join(', ')}`
    return refuse('invalid-value', (numbers as Refusal).message, hint)
  },
  schema: { anyOf: [{ type: 'integer', minimum: 0, maximum: 255 }, { type: 'string' }] },
  description: 'a TOS, optionally with a mask, or a symbol such as Minimize-Delay',
  examples: ['0x10', 'Minimize-Delay', '0x08/0x3f'],
  sample: (random) => {
    const value = between(random, 0, 255)
    const mask = between(random, 0, 255)
    const symbol = Object.keys(SYMBOLS)[random(15)]
    if (symbol !== undefined) return [symbol]
    return [random(2) === 0 ? spell(random, value) : `${value & mask}/${spell(random, mask)}`]
  },
}

function print(value: number, mask: number): string {
  return [value, mask].map((n) => `0x${n.toString(16).padStart(2, '0')}`).join('/')
}

import { refuse, type TargetExtension, type ValueType } from '../extension.ts'

/** MAJOR:MINOR, always hexadecimal. Over 16 bits iptables takes it for 0, so that is refused. */
const CLASS: ValueType = {
  name: 'class',
  words: 1,
  parse: ([word = '']) => {
    const parts = /^(?:0[xX])?([0-9a-fA-F]+):(?:0[xX])?([0-9a-fA-F]+)$/.exec(word)?.slice(1)
    const numbers = parts?.map((part) => Number.parseInt(part, 16))
    if (numbers === undefined || numbers.some((n) => n > 0xffff)) {
      const hint = 'MAJOR:MINOR, two hexadecimal numbers up to ffff'
      return refuse('invalid-value', `"${word}" is not a class`, hint)
    }
    return [numbers.map((n) => n.toString(16).padStart(4, '0')).join(':')]
  },
  schema: { type: 'string' },
  description: 'a class, MAJOR:MINOR in hexadecimal',
  examples: ['1:10'],
  sample: (random) => {
    const part = (): string => ['', '0x', '0'][random(3)] + random(65536).toString(16)
    return [random(2) === 0 ? `${part()}:${part()}` : `${part()}:${part()}`.toUpperCase()]
  },
}

/** libxt_CLASSIFY */
export const classify: TargetExtension = {
  kind: 'target',
  name: 'CLASSIFY',
  summary: 'Puts the packet into a class of traffic control.',
  terminating: false,
  hooks: ['FORWARD', 'OUTPUT', 'POSTROUTING'],
  options: {
    'set-class': { value: CLASS, description: 'The class.', required: true },
  },
}

import { isRefusal, type ValueType } from '../extension.ts'
import { choiceList } from './choice.ts'

const FLAGS = { FIN: 'FIN', SYN: 'SYN', RST: 'RST', PSH: 'PSH', ACK: 'ACK', URG: 'URG' }

const list = choiceList({
  what: 'TCP flag',
  values: FLAGS,
  groups: { ALL: Object.values(FLAGS) },
  empty: 'NONE',
})

/** The words of a list that name flags: strtok passes over empty parts, and NONE adds none. */
function namedFlags(word: string): string {
  const named = word.split(',').filter((part) => part !== '' && part.toUpperCase() !== 'NONE')
  return named.join(',') || 'NONE'
}

/** Two words: the flags to look at, and those that must be set. Printed in the order of the bits. */
export const tcpFlags: ValueType = {
  name: 'tcp flags',
  words: 2,
  parse: ([mask = '', set = ''], context) => {
    const saved = [mask, set].map((word) => list.parse([namedFlags(word)], context))
    return saved.find(isRefusal) ?? (saved.flat() as string[])
  },
  schema: {
    anyOf: [
      { type: 'string' },
      { type: 'array', items: { type: 'string' }, minItems: 2, maxItems: 2 },
    ],
  },
  description: 'two lists of flags: those to look at, and those that must be set',
  examples: ['FIN,SYN,RST,ACK SYN', 'ALL NONE'],
  sample: (random, context) => {
    const words = ['ALL', 'NONE', ...list.sample(random, context), ...list.sample(random, context)]
    return [words[random(4)] as string, words[random(4)] as string]
  },
}

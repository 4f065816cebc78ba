import { atLeast } from '../../ruleset/model.ts'
import { refuse, type TargetExtension, type ValueType } from '../extension.ts'
import { between, integer, parseRange } from '../values/number.ts'
import { flag } from '../values/text.ts'

/** FIRST:LAST. xt_NFQUEUE counts the queues in 16 bits, so not all of them fit at once. */
const QUEUES: ValueType = {
  name: 'queues',
  words: 1,
  parse: ([word = ''], { dialect }) => {
    const last = atLeast(dialect.version, [1, 8, 11]) ? 65534 : 65535
    const typed = word.endsWith(':') ? `${word}${last}` : word
    const range = parseRange(typed, { separator: ':', max: 65535, what: 'queue' })
    if (!Array.isArray(range)) return range as ReturnType<typeof refuse>
    const [from, to] = range as [number, number]
    if (from === to) {
      return refuse('invalid-value', `"${word}" is not a range of queues`, 'use --queue-num')
    }
    if (to - from === 65535) {
      return refuse('invalid-value', `"${word}" has too many queues`, 'at most 0:65534 or 1:65535')
    }
    return [`${from}:${to}`]
  },
  schema: { type: 'string' },
  description: 'a range of queues, 0:65534 or 1:65535 at most',
  examples: ['0:3'],
  sample: (random) => {
    const from = between(random, 1, 65533)
    const to = 1 + between(random, from, 65533)
    return [['0:3', `${from}:`, `:${to}`, `${from}:${to}`][random(4)] as string]
  },
}

/** libxt_NFQUEUE, revision 3 */
export const nfqueue: TargetExtension = {
  kind: 'target',
  name: 'NFQUEUE',
  summary: 'Passes the packet to a program that decides about it.',
  terminating: true,
  options: {
    'queue-num': {
      value: integer({ max: 65535, what: 'queue' }),
      description: 'The queue that the program listens to.',
      group: 'queue',
    },
    'queue-balance': {
      value: QUEUES,
      description: 'Spreads connections over these queues.',
      group: 'queue',
    },
    'queue-bypass': {
      value: flag,
      description: 'Accepts the packet if no program listens, instead of dropping it.',
    },
    'queue-cpu-fanout': {
      value: flag,
      description: 'Spreads packets over the queues by the CPU that handles them.',
      needs: ['queue-balance'],
    },
  },
  normalise: (options) =>
    options.some((o) => o.name === 'queue-num' || o.name === 'queue-balance')
      ? options
      : [{ name: 'queue-num', negated: false, values: ['0'] }, ...options],
}

import { type MatchExtension, refuse, type ValueType } from '../extension.ts'
import { choice } from '../values/choice.ts'
import { parseNumber, spell } from '../values/number.ts'

const MAX = 2n ** 64n - 1n

/** `FROM[:TO]`; without an end it is saved without one. */
const bytesRange: ValueType = {
  name: 'connbytes range',
  words: 1,
  parse: ([word = '']) => {
    const [first = '', last, ...rest] = word.split(':')
    const from = first === '' ? 0n : parseNumber(first)
    const to = last === undefined || last === '' ? MAX : parseNumber(last)
    if (word === '' || rest.length > 0 || from === undefined || to === undefined || to > MAX) {
      return refuse('invalid-value', `"${word}" is not FROM or FROM:TO`)
    }
    if (from > to) {
      return refuse('invalid-value', `range ${word} is reversed`, `write ${to}:${from}`)
    }
    if (to === 0n) return refuse('changes-meaning', '0:0 is saved as 0, which is 0 or more')
    return [to === MAX ? String(from) : `${from}:${to}`]
  },
  schema: { anyOf: [{ type: 'integer', minimum: 0 }, { type: 'string' }] },
  description: 'a number, or a range FROM:TO',
  examples: [10000, '10000:100000'],
  sample: (random) => {
    const from = random(100000)
    const to = from + 1 + random(1000000)
    const words = [
      `:${to}`,
      `${from}:`,
      `${from}:${to}`,
      `${from}:18446744073709551615`,
      `${from}:${from + 1}`,
    ]
    return [words[random(8)] ?? spell(random, from)]
  },
}

/** libxt_connbytes: a negated range is stored with its ends exchanged. */
export const connbytes: MatchExtension = {
  kind: 'match',
  name: 'connbytes',
  summary: 'Matches by how many packets or bytes the connection has transferred so far.',
  effect: 'pure',
  options: {
    connbytes: {
      value: bytesRange,
      description: 'The amount, from a number on or within a range.',
      negatable: true,
      required: true,
    },
    'connbytes-mode': {
      value: choice({
        what: 'mode',
        values: { packets: 'packets', bytes: 'bytes', avgpkt: 'avgpkt' },
        caseSensitive: true,
      }),
      description: 'Whether packets, bytes or the bytes of an average packet count.',
      required: true,
    },
    'connbytes-dir': {
      value: choice({
        what: 'direction',
        values: { original: 'original', reply: 'reply', both: 'both' },
        caseSensitive: true,
      }),
      description: 'Which direction of the connection counts.',
      required: true,
    },
  },
  normalise: (options) => {
    const [range] = options
    const [from, to = String(MAX)] = range?.values[0]?.split(':') ?? []
    if (!range?.negated) return options
    if (from === to) {
      return refuse('changes-meaning', `"! --connbytes ${from}:${to}" is stored without the "!"`)
    }
    return options
  },
  caution: (options) =>
    options.some((o) => o.negated && o.values[0] === '0')
      ? refuse('never-matches', '"! --connbytes 0" matches no packet', 'remove the rule')
      : undefined,
}

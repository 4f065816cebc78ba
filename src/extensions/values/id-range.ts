import { refuse, type ValueType } from '../extension.ts'
import { between, parseNumber, spell } from './number.ts'

/** The highest id: 2^32 - 1 stands for "no user". */
const MAX = 0xfffffffe

/** A user or group by name, or a number or range of numbers. */
export function idRange(kind: 'user' | 'group'): ValueType {
  return {
    name: `${kind} id range`,
    words: 1,
    parse: ([word = ''], { names }) => {
      const id = names[kind](word)
      if (id !== undefined) return [String(id)]
      const ends = word.split(/[-:]/).map(parseNumber)
      const [from, to = from] = ends
      if (ends.length > 2 || from === undefined || to === undefined) {
        return refuse(
          'invalid-value',
          `"${word}" is not a known ${kind}, an id or a range of ids`,
          'write a name, 1000 or 1000-2000',
        )
      }
      if (from > MAX || to > MAX) {
        return refuse('invalid-value', `${kind} id ${word} is over ${MAX}`)
      }
      if (from > to) {
        return refuse('invalid-value', `range ${word} is reversed`, `write ${to}-${from}`)
      }
      return [from === to ? String(from) : `${from}-${to}`]
    },
    schema: { anyOf: [{ type: 'integer', minimum: 0, maximum: MAX }, { type: 'string' }] },
    description: `a ${kind}: a name, an id, or a range of ids`,
    examples: [kind === 'user' ? 'nobody' : 'nogroup', '1000-1999'],
    sample: (random) => {
      const from = between(random, 0, MAX)
      const to = between(random, from, MAX)
      return [
        ['root', spell(random, from), `${from}-${to}`, `${from}:${spell(random, to)}`][
          random(4)
        ] as string,
      ]
    },
  }
}

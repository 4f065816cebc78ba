import { type Refusal, refuse, type ValueContext, type ValueType } from '../extension.ts'
import { between, parseBounded } from './number.ts'

/** In the order of libip6t_mh, where the first name that begins so wins. */
const NAMES: readonly (readonly [string, number])[] = [
  ['binding-refresh-request', 0],
  ['brr', 0],
  ['home-test-init', 1],
  ['hoti', 1],
  ['careof-test-init', 2],
  ['coti', 2],
  ['home-test', 3],
  ['hot', 3],
  ['careof-test', 4],
  ['cot', 4],
  ['binding-update', 5],
  ['bu', 5],
  ['binding-acknowledgement', 6],
  ['ba', 6],
  ['binding-error', 7],
  ['be', 7],
]

function parseType(word: string, { caution }: ValueContext): number | Refusal {
  const wanted = word.toLowerCase()
  const exact = NAMES.find(([name]) => name === wanted)
  if (exact !== undefined) return exact[1]
  const found = NAMES.filter(([name]) => name.startsWith(wanted))
  const [first, ...others] = found
  if (first === undefined) return parseBounded(word, { max: 255, what: 'mobility header type' })
  if (others.some(([, type]) => type !== first[1])) {
    const message = `"${word}" may stand for several types, iptables takes ${first[0]}`
    caution(refuse('changes-meaning', message, 'write the whole name'))
  }
  return first[1]
}

/** The type of a mobility header, or a range. */
export const mhType: ValueType = {
  name: 'mobility header type',
  words: 1,
  parse: ([word = ''], context) => {
    const at = word.indexOf(':')
    const ends = at < 0 ? [word, word] : [word.slice(0, at) || '0', word.slice(at + 1) || '255']
    const [from, to] = ends.map((end) => parseType(end, context)) as [number, number]
    const refused = [from, to].find((end) => typeof end !== 'number')
    if (refused !== undefined) return refused as unknown as Refusal
    if (from > to) {
      return refuse('invalid-value', `range ${word} is reversed`, `write ${to}:${from}`)
    }
    return [from === to ? String(from) : `${from}:${to}`]
  },
  schema: {
    anyOf: [
      { enum: NAMES.map(([name]) => name) },
      { type: 'integer', minimum: 0, maximum: 255 },
      { type: 'string' },
    ],
  },
  description: 'a type by name or number, or a range',
  examples: ['binding-update', '5:7'],
  sample: (random) => {
    const from = between(random, 0, 255)
    const to = between(random, from, 255)
    const [name] = NAMES[random(NAMES.length)] as readonly [string, number]
    return [[name, `${from}:${to}`, `${from}:`, `:${to}`, 'brr:hot'][random(7)] ?? String(from)]
  },
}

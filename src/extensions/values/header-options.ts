import { type Refusal, refuse, type ValueType } from '../extension.ts'
import { between, parseBounded, spell } from './number.ts'

/** IP6T_OPTS_OPTSNR */
const MAX_OPTIONS = 16

/**
 * Options of an IPv6 header as `TYPE[:LENGTH],…`. A length of 255 is stored as "any" and left out;
 * type 0 (Pad1) has none, and libip6t_dst reads none for the sixteenth option.
 */
export const headerOptions: ValueType = {
  name: 'header options',
  words: 1,
  parse: ([word = '']) => {
    const parts = word.split(',')
    if (parts.length > MAX_OPTIONS) {
      return refuse('invalid-value', `${parts.length} options, at most ${MAX_OPTIONS} fit`)
    }
    const saved: string[] = []
    for (const [i, part] of parts.entries()) {
      const option = parseOption(part, i)
      if (typeof option !== 'string') return option
      saved.push(option)
    }
    return [saved.join(',')]
  },
  schema: {
    anyOf: [
      { type: 'integer', minimum: 0, maximum: 255 },
      { type: 'string' },
      { type: 'array', items: { type: ['integer', 'string'] }, maxItems: MAX_OPTIONS },
    ],
  },
  description: 'up to 16 option types, each with the length of its data: TYPE[:LENGTH]',
  examples: ['5:2', '1,194:4'],
  sample: (random) => {
    const options = Array.from({ length: 1 + random(random(4) === 0 ? 16 : 4) }, (_, i) => {
      const type = spell(random, between(random, 1, 255))
      return random(2) === 0 || i === 15
        ? type
        : `${type}:${spell(random, between(random, 0, 255))}`
    })
    return [options.join(',')]
  },
}

function parseOption(part: string, index: number): string | Refusal {
  const [typed = '', length] = part.split(':')
  const type = parseBounded(typed, { max: 255, what: 'option type' })
  if (typeof type !== 'number') return type
  if (length === undefined) return String(type)
  const bytes = parseBounded(length, { max: 255, what: 'option length' })
  if (typeof bytes !== 'number') return bytes
  if (type === 0) return refuse('invalid-value', 'option 0 (Pad1) has no length')
  if (index === MAX_OPTIONS - 1) {
    return refuse('invalid-value', `option number ${MAX_OPTIONS} can not have a length`)
  }
  return bytes === 255 ? String(type) : `${type}:${bytes}`
}

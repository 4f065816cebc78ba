import { atLeast, type Option } from '../../ruleset/model.ts'
import { type MatchExtension, refuse } from '../extension.ts'
import { choice } from '../values/choice.ts'
import { integer } from '../values/number.ts'
import {
  parseHexText,
  parseText,
  patternHex,
  patternText,
  savedPattern,
} from '../values/pattern.ts'
import { flag } from '../values/text.ts'

const OFFSET = integer({ max: 65535, what: 'offset' })

/** libxt_string, revision 1 */
export const string: MatchExtension = {
  kind: 'match',
  name: 'string',
  summary: 'Matches packets that contain a pattern.',
  effect: 'pure',
  options: {
    string: {
      value: patternText,
      description: 'The pattern as text.',
      negatable: true,
      group: 'pattern',
    },
    'hex-string': {
      value: patternHex,
      description: 'The pattern with bytes in hexadecimal between bars: |0d 0a|.',
      negatable: true,
      group: 'pattern',
    },
    algo: {
      value: choice({
        what: 'search algorithm',
        values: { bm: 'bm', kmp: 'kmp' },
        caseSensitive: true,
      }),
      description: 'How to search: bm (Boyer-Moore) or kmp (Knuth-Pratt-Morris).',
      required: true,
    },
    from: { value: OFFSET, description: 'The offset at which to begin.', omit: '0' },
    to: { value: OFFSET, description: 'The offset at which to stop.', omit: '65535' },
    icase: { value: flag, description: 'Ignore the case of letters.' },
  },
  normalise: (options) => {
    const [pattern, ...rest] = options
    if (pattern?.name !== 'string' && pattern?.name !== 'hex-string') {
      return refuse('missing-option', 'string needs one of --string, --hex-string')
    }
    const offset = (name: string, none: number): number =>
      Number(rest.find((o) => o.name === name)?.values[0] ?? none)
    if (offset('from', 0) > offset('to', 65535)) {
      return refuse('invalid-value', '--from is over --to: nothing would be searched')
    }
    const [word = ''] = pattern.values
    const bytes = pattern.name === 'string' ? parseText(word) : parseHexText(word)
    if ('code' in bytes) return bytes
    const [name, saved] = savedPattern(bytes)
    return [{ name, negated: pattern.negated, values: [saved] }, ...rest]
  },
  // Until 1.8.8 the default of --to is saved too.
  print: (options, { version }) => {
    if (atLeast(version, [1, 8, 9]) || options.some((o) => o.name === 'to')) return options
    const to: Option = { name: 'to', negated: false, values: ['65535'] }
    const icase = options.filter((o) => o.name === 'icase')
    return [...options.filter((o) => o.name !== 'icase'), to, ...icase]
  },
}

import type { Option } from '../../ruleset/model.ts'
import { type MatchExtension, type OptionSpec, refuse } from '../extension.ts'
import { integer } from '../values/number.ts'
import { prefixLength } from '../values/prefix-length.ts'
import { flag } from '../values/text.ts'

const OPPOSITE: Readonly<Record<string, string>> = {
  'connlimit-upto': 'connlimit-above',
  'connlimit-above': 'connlimit-upto',
}

function limit(description: string): OptionSpec {
  return {
    value: integer({ max: 0xffffffff, what: 'number of connections' }),
    description,
    negatable: true,
    group: 'limit',
  }
}

/** libxt_connlimit, revision 1 */
export const connlimit: MatchExtension = {
  kind: 'match',
  name: 'connlimit',
  summary: 'Matches by how many connections an address or network has at once.',
  effect: 'stateful',
  options: {
    'connlimit-upto': limit('Match if there are at most so many connections.'),
    'connlimit-above': limit('Match if there are more connections.'),
    'connlimit-mask': {
      value: prefixLength,
      description: 'The prefix length by which addresses are grouped.',
      preset: ({ family }) => (family === 'ipv4' ? '32' : '128'),
    },
    'connlimit-saddr': { value: flag, description: 'Group by source address.', group: 'address' },
    'connlimit-daddr': {
      value: flag,
      description: 'Group by destination address.',
      group: 'address',
    },
  },
  normalise: (options) => {
    const [first, mask, address] = [
      options.find((o) => o.name in OPPOSITE),
      options.find((o) => o.name === 'connlimit-mask') as Option,
      options.find((o) => o.name.endsWith('addr')),
    ]
    if (first === undefined) {
      return refuse('missing-option', 'connlimit needs one of --connlimit-upto, --connlimit-above')
    }
    const name = first.negated ? (OPPOSITE[first.name] as string) : first.name
    const source = { name: 'connlimit-saddr', negated: false, values: [] }
    return [{ ...first, name, negated: false }, mask, address ?? source]
  },
}

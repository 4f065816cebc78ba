import type { Option } from '../../ruleset/model.ts'
import { type MatchExtension, type Refusal, refuse } from '../extension.ts'
import { ipv6List } from '../values/address-list.ts'
import { reversedRange } from '../values/never-matches.ts'
import { integer, integerRange } from '../values/number.ts'
import { flag } from '../values/text.ts'

/** libip6t_rt; without options it matches every packet that has a routing header. */
export const rt: MatchExtension = {
  kind: 'match',
  name: 'rt',
  summary: 'Matches the IPv6 routing header.',
  families: ['ipv6'],
  effect: 'pure',
  options: {
    'rt-type': {
      value: integer({ max: 0xffffffff, what: 'routing type' }),
      description: 'The type of routing header.',
      negatable: true,
    },
    'rt-segsleft': {
      value: integerRange({
        max: 0xffffffff,
        separator: ':',
        reversed: 'accepted',
        what: 'number of segments',
      }),
      description: 'The segments left, or a range.',
      negatable: true,
      any: '0:4294967295',
    },
    'rt-len': {
      value: integer({ max: 0xffffffff, what: 'length' }),
      description: 'The length of the header in bytes.',
      negatable: true,
    },
    'rt-0-res': { value: flag, description: 'Check the reserved field too (type 0).' },
    'rt-0-addrs': { value: ipv6List(16), description: 'The addresses of a type 0 header.' },
    'rt-0-not-strict': {
      value: flag,
      description: 'The addresses need not be all there are.',
      needs: ['rt-0-addrs'],
    },
  },
  normalise: (options, _context, typed) => checkType0(typed) ?? options,
  caution: (options) => reversedRange(options.filter((o) => o.name === 'rt-segsleft')),
}

/** What is about type 0 must come after it: iptables looks at what it has read so far. */
function checkType0(typed: readonly Option[]): Refusal | undefined {
  const at = (name: string): number => typed.findIndex((o) => o.name === name)
  const isType0 = (o: Option): boolean => o.name === 'rt-type' && !o.negated && o.values[0] === '0'
  for (const [name, before] of [
    ['rt-0-res', typed.findIndex(isType0)],
    ['rt-0-addrs', typed.findIndex(isType0)],
    ['rt-0-not-strict', at('rt-0-addrs')],
  ] as const) {
    if (at(name) >= 0 && (before < 0 || before > at(name))) {
      const wanted = name === 'rt-0-not-strict' ? '--rt-0-addrs' : '--rt-type 0'
      return refuse('missing-option', `--${name} needs ${wanted} before it`)
    }
  }
  return undefined
}

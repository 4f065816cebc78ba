import type { MatchExtension } from '../extension.ts'
import { impossible } from '../values/never-matches.ts'
import { integer } from '../values/number.ts'

const VALUE = integer({ max: 255, what: 'hop limit' })

/** libip6t_hl */
export const hl: MatchExtension = {
  kind: 'match',
  name: 'hl',
  summary: 'Matches the hop limit of an IPv6 packet.',
  families: ['ipv6'],
  effect: 'pure',
  needsOption: true,
  options: {
    'hl-eq': {
      value: VALUE,
      description: 'The hop limit.',
      aliases: ['hl'],
      negatable: true,
      group: 'hl',
    },
    'hl-lt': { value: VALUE, description: 'The hop limit is lower.', group: 'hl' },
    'hl-gt': { value: VALUE, description: 'The hop limit is higher.', group: 'hl' },
  },
  caution: (options) =>
    impossible(options, { 'hl-lt': '0', 'hl-gt': '255' }, 'a hop limit is 0 to 255'),
}

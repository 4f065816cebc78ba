import type { MatchExtension } from '../extension.ts'
import { impossible } from '../values/never-matches.ts'
import { integer } from '../values/number.ts'

const VALUE = integer({ max: 255, what: 'TTL' })

/** libipt_ttl */
export const ttl: MatchExtension = {
  kind: 'match',
  name: 'ttl',
  summary: 'Matches the time to live of an IPv4 packet.',
  families: ['ipv4'],
  effect: 'pure',
  needsOption: true,
  options: {
    'ttl-eq': {
      value: VALUE,
      description: 'The TTL.',
      aliases: ['ttl'],
      negatable: true,
      group: 'ttl',
    },
    'ttl-lt': { value: VALUE, description: 'The TTL is lower.', group: 'ttl' },
    'ttl-gt': { value: VALUE, description: 'The TTL is higher.', group: 'ttl' },
  },
  caution: (options) =>
    impossible(options, { 'ttl-lt': '0', 'ttl-gt': '255' }, 'a TTL is 0 to 255'),
}

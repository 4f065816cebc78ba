import type { MatchExtension } from '../extension.ts'
import { mhType } from '../values/mh-type.ts'

/** libip6t_mh */
export const mh: MatchExtension = {
  kind: 'match',
  name: 'mh',
  summary: 'Matches the type of the mobility header (Mobile IPv6).',
  families: ['ipv6'],
  effect: 'pure',
  implicitFor: ['135'],
  protocols: ['135'],
  options: {
    'mh-type': {
      value: mhType,
      description: 'The type, or a range of types.',
      negatable: true,
      any: '0:255',
    },
  },
}

import type { MatchExtension } from '../extension.ts'
import { headerOptions } from '../values/header-options.ts'
import { integer } from '../values/number.ts'

/** libip6t_dst */
export const dst: MatchExtension = {
  kind: 'match',
  name: 'dst',
  summary: 'Matches the destination options header of IPv6.',
  families: ['ipv6'],
  effect: 'pure',
  options: {
    'dst-len': {
      value: integer({ max: 0xffffffff, what: 'length' }),
      description: 'The length of the header in bytes.',
      negatable: true,
    },
    'dst-opts': {
      value: headerOptions,
      description: 'The options that the header has, in this order.',
    },
  },
}

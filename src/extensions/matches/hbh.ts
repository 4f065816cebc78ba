import type { MatchExtension } from '../extension.ts'
import { headerOptions } from '../values/header-options.ts'
import { integer } from '../values/number.ts'

/** libip6t_hbh */
export const hbh: MatchExtension = {
  kind: 'match',
  name: 'hbh',
  summary: 'Matches the hop-by-hop options header of IPv6.',
  families: ['ipv6'],
  effect: 'pure',
  options: {
    'hbh-len': {
      value: integer({ max: 0xffffffff, what: 'length' }),
      description: 'The length of the header in bytes.',
      negatable: true,
    },
    'hbh-opts': {
      value: headerOptions,
      description: 'The options that the header has, in this order.',
    },
  },
}

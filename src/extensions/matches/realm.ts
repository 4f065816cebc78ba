import type { MatchExtension } from '../extension.ts'
import { outsideMask } from '../values/never-matches.ts'
import { realmValue } from '../values/realm.ts'

/** libipt_realm; xt_realm: only where there is a route. */
export const realm: MatchExtension = {
  kind: 'match',
  name: 'realm',
  summary: 'Matches the routing realm.',
  families: ['ipv4'],
  effect: 'pure',
  hooks: ['INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  options: {
    realm: {
      value: realmValue,
      description: 'The realm, after the mask is applied.',
      negatable: true,
      required: true,
    },
  },
  caution: outsideMask,
}

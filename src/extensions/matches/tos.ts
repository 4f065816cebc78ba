import type { MatchExtension } from '../extension.ts'
import { outsideMask } from '../values/never-matches.ts'
import { tosMask } from '../values/tos.ts'

/** libxt_tos, revision 1 */
export const tos: MatchExtension = {
  kind: 'match',
  name: 'tos',
  summary: 'Matches the TOS field of IPv4 or the traffic class of IPv6.',
  effect: 'pure',
  options: {
    tos: {
      value: tosMask,
      description: 'The field, after the mask is applied to it.',
      negatable: true,
      required: true,
    },
  },
  caution: outsideMask,
}

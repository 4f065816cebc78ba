import type { MatchExtension } from '../extension.ts'
import { mark } from '../values/mark.ts'
import { outsideMask } from '../values/never-matches.ts'

/** libxt_connmark, revision 1 */
export const connmark: MatchExtension = {
  kind: 'match',
  name: 'connmark',
  summary: 'Matches the mark of the connection.',
  effect: 'pure',
  options: {
    mark: {
      value: mark({ what: 'mark', bits: 32 }),
      description: 'The mark, after the mask is applied to the mark of the connection.',
      negatable: true,
      required: true,
    },
  },
  caution: outsideMask,
}

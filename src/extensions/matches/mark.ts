import type { MatchExtension } from '../extension.ts'
import { mark as markValue } from '../values/mark.ts'
import { outsideMask } from '../values/never-matches.ts'

/** libxt_mark */
export const mark: MatchExtension = {
  kind: 'match',
  name: 'mark',
  summary: 'Matches the netfilter mark of the packet.',
  effect: 'pure',
  caution: outsideMask,
  options: {
    mark: {
      value: markValue({ what: 'mark', bits: 32 }),
      description: 'The mark, after the mask is applied to the mark of the packet.',
      negatable: true,
      required: true,
    },
  },
}

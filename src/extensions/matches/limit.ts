import type { MatchExtension } from '../extension.ts'
import { integer } from '../values/number.ts'
import { rate } from '../values/rate.ts'

/** libxt_limit: XT_LIMIT_SCALE is 10000. */
export const limit: MatchExtension = {
  kind: 'match',
  name: 'limit',
  summary: 'Matches at a limited average rate, with a burst (a token bucket for the rule).',
  effect: 'stateful',
  options: {
    limit: {
      value: rate(10000),
      description: 'The average rate.',
      preset: '3/hour',
    },
    'limit-burst': {
      value: integer({ max: 10000, what: 'burst' }),
      description: 'How many packets may match at once before the rate counts.',
      omit: '5',
    },
  },
}

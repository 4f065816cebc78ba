import type { MatchExtension } from '../extension.ts'
import { integerRange } from '../values/number.ts'

/** libxt_tcpmss. The full range stays: it matches if there is an MSS option, negated if not. */
export const tcpmss: MatchExtension = {
  kind: 'match',
  name: 'tcpmss',
  summary: 'Matches the MSS option of the TCP header.',
  effect: 'pure',
  protocols: ['6'],
  options: {
    mss: {
      value: integerRange({ max: 65535, separator: ':', what: 'MSS' }),
      description: 'The maximum segment size, or a range.',
      negatable: true,
      required: true,
    },
  },
}

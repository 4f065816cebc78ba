import type { MatchExtension } from '../extension.ts'
import { reversedRange } from '../values/never-matches.ts'
import { integerRange } from '../values/number.ts'

/** libxt_length: the full range is kept, a packet put together by GRO may be longer. */
export const length: MatchExtension = {
  kind: 'match',
  name: 'length',
  summary: 'Matches the length of the packet from the IP header on.',
  effect: 'pure',
  options: {
    length: {
      value: integerRange({ max: 65535, separator: ':', reversed: 'accepted', what: 'length' }),
      description: 'The length in bytes, or a range.',
      negatable: true,
      required: true,
    },
  },
  caution: reversedRange,
}

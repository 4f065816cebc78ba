import type { MatchExtension } from '../extension.ts'
import { reversedRange } from '../values/never-matches.ts'
import { integer } from '../values/number.ts'
import { numberRange } from '../values/number-range.ts'
import { flag } from '../values/text.ts'

/** libip6t_frag */
export const frag: MatchExtension = {
  kind: 'match',
  name: 'frag',
  summary: 'Matches the fragment header of IPv6.',
  families: ['ipv6'],
  effect: 'pure',
  options: {
    fragid: numberRange('fragment id', 'The identification of the fragment, or a range.'),
    fraglen: {
      value: integer({ max: 0xffffffff, what: 'length' }),
      description: 'The length of the header; Linux since 3.0 does not look at it.',
      negatable: true,
    },
    fragres: { value: flag, description: 'The reserved fields must be zero.' },
    fragfirst: { value: flag, description: 'It is the first fragment.' },
    fragmore: { value: flag, description: 'More fragments follow.', group: 'end' },
    fraglast: { value: flag, description: 'It is the last fragment.', group: 'end' },
  },
  caution: reversedRange,
}

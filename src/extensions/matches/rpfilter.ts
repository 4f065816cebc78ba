import type { MatchExtension } from '../extension.ts'
import { flag } from '../values/text.ts'

/** libxt_rpfilter; ipt_rpfilter is refused outside of raw and mangle. */
export const rpfilter: MatchExtension = {
  kind: 'match',
  name: 'rpfilter',
  summary: 'Matches if a reply to the packet would leave by the interface it came in through.',
  effect: 'pure',
  tables: ['raw', 'mangle'],
  hooks: ['PREROUTING'],
  options: {
    loose: { value: flag, description: 'The reply may leave by any interface.' },
    validmark: { value: flag, description: 'Use the mark of the packet to look up the route.' },
    'accept-local': { value: flag, description: 'Accept a local source address.' },
    invert: { value: flag, description: 'Match the packets that fail the test.' },
  },
}

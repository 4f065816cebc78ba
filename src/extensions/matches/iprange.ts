import type { MatchExtension } from '../extension.ts'
import { addressRange, emptyAddressRange } from '../values/address-range.ts'

/** libxt_iprange, revision 1; a reversed range is stored, with a warning, and never matches. */
export const iprange: MatchExtension = {
  kind: 'match',
  name: 'iprange',
  summary: 'Matches a range of addresses.',
  effect: 'pure',
  needsOption: true,
  options: {
    'src-range': {
      value: addressRange,
      description: 'The range the source address is in.',
      negatable: true,
    },
    'dst-range': {
      value: addressRange,
      description: 'The range the destination address is in.',
      negatable: true,
    },
  },
  caution: emptyAddressRange,
}

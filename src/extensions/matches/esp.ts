import type { MatchExtension } from '../extension.ts'
import { reversedRange } from '../values/never-matches.ts'
import { numberRange } from '../values/number-range.ts'

/** libxt_esp */
export const esp: MatchExtension = {
  kind: 'match',
  name: 'esp',
  summary: 'Matches the SPI of the IPsec ESP header.',
  effect: 'pure',
  implicitFor: ['50'],
  protocols: ['50'],
  options: { espspi: numberRange('SPI', 'The security parameters index, or a range.') },
  caution: reversedRange,
}

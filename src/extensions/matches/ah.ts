import type { MatchExtension } from '../extension.ts'
import { impossible, reversedRange } from '../values/never-matches.ts'
import { integer } from '../values/number.ts'
import { numberRange } from '../values/number-range.ts'
import { flag } from '../values/text.ts'

const ahspi = numberRange('SPI', 'The security parameters index, or a range.')

/** libipt_ah */
export const ah4: MatchExtension = {
  kind: 'match',
  name: 'ah',
  summary: 'Matches the SPI of the IPsec authentication header.',
  families: ['ipv4'],
  effect: 'pure',
  implicitFor: ['51'],
  protocols: ['51'],
  options: { ahspi },
  caution: reversedRange,
}

/** libip6t_ah: looks for the header among the extension headers, so no protocol is needed. */
export const ah6: MatchExtension = {
  kind: 'match',
  name: 'ah',
  summary: 'Matches the IPsec authentication header.',
  families: ['ipv6'],
  effect: 'pure',
  implicitFor: ['51'],
  options: {
    ahspi,
    ahlen: {
      value: integer({ max: 0xffffffff, what: 'length' }),
      description: 'The length of the header in bytes; 0 is any.',
      negatable: true,
      omit: '0',
    },
    ahres: { value: flag, description: 'The reserved field must be zero.' },
  },
  // ip6t_ah.c does not compare a length of 0.
  caution: (options) =>
    impossible(
      options.filter((o) => o.negated),
      { ahlen: '0' },
      'a length of 0 is any',
    ) ?? reversedRange(options),
}

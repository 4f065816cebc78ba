import { type MatchExtension, refuse } from '../extension.ts'
import { negatedFullRange, reversedRange } from '../values/never-matches.ts'
import { integerRange } from '../values/number.ts'
import { flag } from '../values/text.ts'

/**
 * libxt_ipcomp. Without --ipcompspi it stores SPI 0 and saves that; the full range is saved as no
 * option at all, so that a save with a bare `-m ipcomp` means any, and loads as 0.
 */
export const ipcomp: MatchExtension = {
  kind: 'match',
  name: 'ipcomp',
  summary: 'Matches the SPI (CPI) of IP payload compression.',
  effect: 'pure',
  implicitFor: ['108'],
  protocols: ['108'],
  options: {
    ipcompspi: {
      value: integerRange({
        max: 0xffffffff,
        separator: ':',
        reversed: 'accepted',
        what: 'SPI',
      }),
      description: 'The SPI, or a range.',
      negatable: true,
      any: '0:4294967295',
    },
    compres: { value: flag, description: 'Check the reserved field too.' },
  },
  caution: (options) =>
    options.some((o) => o.name === 'ipcompspi')
      ? (reversedRange(options) ?? negatedFullRange(options, '0:4294967295'))
      : refuse(
          'changes-meaning',
          'iptables loads ipcomp without --ipcompspi as SPI 0, and saves the full range so',
          'write --ipcompspi 0, or 1:4294967295',
        ),
}

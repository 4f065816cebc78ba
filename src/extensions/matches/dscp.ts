import type { MatchExtension } from '../extension.ts'
import { classNumber, dscpClass, dscpNumber } from '../values/dscp.ts'

/** libxt_dscp */
export const dscp: MatchExtension = {
  kind: 'match',
  name: 'dscp',
  summary: 'Matches the DSCP in the TOS field of the IP header.',
  effect: 'pure',
  needsOption: true,
  options: {
    dscp: {
      value: dscpNumber,
      description: 'The code point, 0 to 63.',
      negatable: true,
      group: 'dscp',
    },
    'dscp-class': {
      value: dscpClass,
      description: 'The DiffServ class: BE, EF, AFxx or CSx.',
      negatable: true,
      group: 'dscp',
      rewrite: (values, negated) => ({ name: 'dscp', negated, values: classNumber(values) }),
    },
  },
}

import type { TargetExtension } from '../extension.ts'
import { classNumber, dscpClass, dscpNumber } from '../values/dscp.ts'

/** libxt_DSCP */
export const dscpTarget: TargetExtension = {
  kind: 'target',
  name: 'DSCP',
  summary: 'Sets the DSCP of the packet.',
  terminating: false,
  tables: ['mangle'],
  needsOption: true,
  options: {
    'set-dscp': { value: dscpNumber, description: 'The DSCP as a number.', group: 'dscp' },
    'set-dscp-class': {
      value: dscpClass,
      description: 'The DSCP as a DiffServ class.',
      group: 'dscp',
      rewrite: (values, negated) => ({ name: 'set-dscp', negated, values: classNumber(values) }),
    },
  },
}

import type { MatchExtension } from '../extension.ts'
import { integer } from '../values/number.ts'

/** libxt_cpu */
export const cpu: MatchExtension = {
  kind: 'match',
  name: 'cpu',
  summary: 'Matches the CPU that handles the packet.',
  effect: 'pure',
  options: {
    cpu: {
      value: integer({ max: 0xffffffff, what: 'CPU number' }),
      description: 'The number of the CPU, counted from 0.',
      negatable: true,
      required: true,
    },
  },
}

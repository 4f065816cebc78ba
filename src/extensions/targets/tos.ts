import type { TargetExtension } from '../extension.ts'
import { bitOperations } from '../values/bit-operation.ts'
import { tosMask } from '../values/tos.ts'

/** libxt_TOS, revision 1: tos = (tos & ~mask) ^ value. */
export const tosTarget: TargetExtension = {
  kind: 'target',
  name: 'TOS',
  summary: 'Sets the type of service, or the traffic class, of the packet.',
  terminating: false,
  tables: ['mangle'],
  needsOption: true,
  options: {
    'set-tos': {
      value: tosMask,
      description: 'Clears the bits of the mask, then XORs the value in.',
      group: 'set',
    },
    ...bitOperations('tos', 'set-tos', { what: 'TOS', bits: 8, digits: 2 }),
  },
}

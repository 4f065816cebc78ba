import type { TargetExtension } from '../extension.ts'
import { flag } from '../values/text.ts'

/** libxt_CONNSECMARK */
export const connsecmark: TargetExtension = {
  kind: 'target',
  name: 'CONNSECMARK',
  summary: 'Copies the security mark between the packet and its connection.',
  terminating: false,
  tables: ['mangle', 'security'],
  needsOption: true,
  options: {
    save: {
      value: flag,
      description: 'From the packet to the connection, if that has none.',
      group: 'direction',
    },
    restore: {
      value: flag,
      description: 'From the connection to the packet, if that has none.',
      group: 'direction',
    },
  },
}

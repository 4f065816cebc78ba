import type { TargetExtension } from '../extension.ts'
import { natRange } from '../values/nat-range.ts'
import { persistent, portsNeedProtocol, random } from './nat.ts'

/** libxt_NAT; the base port is since revision 2 of the kernel's DNAT (4.18). */
export const dnat: TargetExtension = {
  kind: 'target',
  name: 'DNAT',
  summary: 'Sends the connection to another address or port.',
  terminating: true,
  tables: ['nat'],
  hooks: ['PREROUTING', 'OUTPUT'],
  options: {
    'to-destination': {
      value: natRange('kept'),
      description: 'The new destination: addresses, ports, or both.',
      required: true,
    },
    random,
    persistent,
  },
  check: portsNeedProtocol,
}

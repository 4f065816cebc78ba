import type { TargetExtension } from '../extension.ts'
import { natPorts } from '../values/nat-range.ts'
import { portsNeedProtocol, random, randomFully } from './nat.ts'

/** libxt_NAT */
export const masquerade: TargetExtension = {
  kind: 'target',
  name: 'MASQUERADE',
  summary: 'Makes the connection come from the address of the interface it leaves by.',
  terminating: true,
  tables: ['nat'],
  hooks: ['POSTROUTING'],
  options: {
    'to-ports': { value: natPorts('lost'), description: 'The source ports to use.' },
    random,
    'random-fully': randomFully,
  },
  check: portsNeedProtocol,
}

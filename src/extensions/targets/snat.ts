import type { TargetExtension } from '../extension.ts'
import { natRange } from '../values/nat-range.ts'
import { persistent, portsNeedProtocol, random, randomFully } from './nat.ts'

/** libxt_NAT */
export const snat: TargetExtension = {
  kind: 'target',
  name: 'SNAT',
  summary: 'Makes the connection come from another address or port.',
  terminating: true,
  tables: ['nat'],
  hooks: ['INPUT', 'POSTROUTING'],
  options: {
    'to-source': {
      value: natRange('lost'),
      description: 'The new source: addresses, ports, or both.',
      required: true,
    },
    random,
    'random-fully': randomFully,
    persistent,
  },
  check: portsNeedProtocol,
}

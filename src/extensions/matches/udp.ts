import type { MatchExtension } from '../extension.ts'
import { portRange } from '../values/port.ts'

/** libxt_udp */
export const udp: MatchExtension = {
  kind: 'match',
  name: 'udp',
  summary: 'Matches the ports of UDP.',
  effect: 'pure',
  implicitFor: ['17'],
  protocols: ['17'],
  mergeable: true,
  options: {
    sport: {
      value: portRange,
      description: 'Source port or port range.',
      aliases: ['source-port'],
      negatable: true,
      any: '0:65535',
    },
    dport: {
      value: portRange,
      description: 'Destination port or port range.',
      aliases: ['destination-port'],
      negatable: true,
      any: '0:65535',
    },
  },
}

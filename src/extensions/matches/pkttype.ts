import type { MatchExtension } from '../extension.ts'
import { choice } from '../values/choice.ts'

/** libxt_pkttype */
export const pkttype: MatchExtension = {
  kind: 'match',
  name: 'pkttype',
  summary: 'Matches by whom the link layer packet is addressed to.',
  effect: 'pure',
  options: {
    'pkt-type': {
      value: choice({
        what: 'packet type',
        values: {
          unicast: 'unicast',
          broadcast: 'broadcast',
          multicast: 'multicast',
          otherhost: 'otherhost',
          host: 'unicast',
          bcast: 'broadcast',
          mcast: 'multicast',
        },
      }),
      description: 'To us, to all, to a group, or to another host.',
      negatable: true,
      required: true,
    },
  },
}

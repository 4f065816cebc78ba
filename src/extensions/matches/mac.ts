import type { MatchExtension } from '../extension.ts'
import { macAddress } from '../values/mac.ts'

/** libxt_mac; xt_mac: only where the packet has come in from an Ethernet device. */
export const mac: MatchExtension = {
  kind: 'match',
  name: 'mac',
  summary: 'Matches the source hardware address.',
  effect: 'pure',
  hooks: ['PREROUTING', 'INPUT', 'FORWARD'],
  options: {
    'mac-source': {
      value: macAddress,
      description: 'The hardware address of the sender.',
      negatable: true,
      required: true,
    },
  },
}

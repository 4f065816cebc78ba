import { atLeast } from '../../ruleset/model.ts'
import type { MatchExtension } from '../extension.ts'
import { lookupPortRange } from '../values/lookup-port.ts'
import { portTest, storedByNft } from '../values/port-test.ts'

/** libxt_udp: unlike libxt_tcp it leaves ports to getaddrinfo, so `0x50` is none. */
export const udp: MatchExtension = {
  kind: 'match',
  name: 'udp',
  summary: 'Matches the ports of UDP.',
  effect: 'pure',
  implicitFor: ['17'],
  protocols: ['17'],
  mergeable: true,
  storedWhole: (options) => options.length === 0,
  options: {
    sport: portTest(lookupPortRange, 'Source port or port range.', ['source-port']),
    dport: portTest(lookupPortRange, 'Destination port or port range.', ['destination-port']),
  },
  print: (options, { backend, version }) =>
    backend === 'nft' && atLeast(version, [1, 8, 8]) ? options.map(storedByNft) : options,
}

import { atLeast } from '../../ruleset/model.ts'
import type { MatchExtension } from '../extension.ts'
import { integer } from '../values/number.ts'
import { portTest, storedByNft } from '../values/port-test.ts'
import { tcpFlags } from '../values/tcp-flags.ts'
import { flag } from '../values/text.ts'

/** libxt_tcp */
export const tcp: MatchExtension = {
  kind: 'match',
  name: 'tcp',
  summary: 'Matches the ports, flags and options of TCP.',
  effect: 'pure',
  implicitFor: ['6'],
  protocols: ['6'],
  mergeable: true,
  options: {
    sport: portTest('Source port or port range.', ['source-port']),
    dport: portTest('Destination port or port range.', ['destination-port']),
    'tcp-option': {
      value: integer({ min: 1, max: 255, what: 'TCP option' }),
      description: 'A TCP option that is set.',
      negatable: true,
    },
    'tcp-flags': {
      value: tcpFlags,
      description: 'Flags to look at, and those of them that must be set.',
      negatable: true,
      any: 'NONE NONE',
      group: 'flags',
    },
    syn: {
      value: flag,
      description: 'Connection requests: SYN set, RST, ACK and FIN clear.',
      negatable: true,
      group: 'flags',
      rewrite: (_values, negated) => ({
        name: 'tcp-flags',
        negated,
        values: ['FIN,SYN,RST,ACK', 'SYN'],
      }),
    },
  },
  print: (options, { backend, version }) =>
    backend === 'nft' && atLeast(version, [1, 8, 8]) ? options.map(storedByNft) : options,
}

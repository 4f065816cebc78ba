import type { MatchExtension, OptionSpec } from '../extension.ts'
import { negatedFullRange } from '../values/never-matches.ts'
import { portRange } from '../values/port.ts'
import { sctpChunks } from '../values/sctp-chunks.ts'

function ports(description: string, alias: string): OptionSpec {
  return { value: portRange, description, aliases: [alias], negatable: true }
}

/** libxt_sctp: unlike with tcp and udp, a full range of ports is saved. */
export const sctp: MatchExtension = {
  kind: 'match',
  name: 'sctp',
  summary: 'Matches the ports and chunks of SCTP.',
  effect: 'pure',
  implicitFor: ['132'],
  protocols: ['132'],
  options: {
    sport: ports('Source port or port range.', 'source-port'),
    dport: ports('Destination port or port range.', 'destination-port'),
    'chunk-types': {
      value: sctpChunks,
      description: 'Chunk types that must be there: all, any or only these.',
      negatable: true,
    },
  },
  caution: (options) => negatedFullRange(options, '0:65535'),
}

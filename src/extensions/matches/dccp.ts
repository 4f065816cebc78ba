import type { MatchExtension, OptionSpec } from '../extension.ts'
import { choiceList } from '../values/choice.ts'
import { lookupPortRange } from '../values/lookup-port.ts'
import { negatedFullRange } from '../values/never-matches.ts'
import { integer } from '../values/number.ts'

const TYPES = [
  'REQUEST',
  'RESPONSE',
  'DATA',
  'ACK',
  'DATAACK',
  'CLOSEREQ',
  'CLOSE',
  'RESET',
  'SYNC',
  'SYNCACK',
  'INVALID',
]

function ports(description: string, alias: string): OptionSpec {
  return { value: lookupPortRange, description, aliases: [alias], negatable: true }
}

/** libxt_dccp: a full range of ports is saved as it is. */
export const dccp: MatchExtension = {
  kind: 'match',
  name: 'dccp',
  summary: 'Matches the ports, packet types and options of DCCP.',
  effect: 'pure',
  implicitFor: ['33'],
  protocols: ['33'],
  options: {
    sport: ports('Source port or port range.', 'source-port'),
    dport: ports('Destination port or port range.', 'destination-port'),
    'dccp-types': {
      value: choiceList({
        what: 'DCCP packet type',
        values: Object.fromEntries(TYPES.map((type) => [type, type])),
      }),
      description: 'The types of the packet, any of them.',
      negatable: true,
    },
    'dccp-option': {
      value: integer({ min: 1, max: 255, what: 'DCCP option' }),
      description: 'A DCCP option that is set.',
      negatable: true,
    },
  },
  caution: (options) => negatedFullRange(options, '0:65535'),
}

import type { MatchExtension, OptionSpec } from '../extension.ts'
import { portList } from '../values/port.ts'

function ports(description: string, aliases: readonly string[]): OptionSpec {
  return { value: portList, description, aliases, negatable: true, group: 'ports' }
}

/** libxt_multiport: the protocols that have ports at the usual place. */
export const multiport: MatchExtension = {
  kind: 'match',
  name: 'multiport',
  summary: 'Matches up to 15 source or destination ports.',
  effect: 'pure',
  protocols: ['6', '17', '33', '132', '136'],
  needsOption: true,
  options: {
    sports: ports('Source ports.', ['source-ports']),
    dports: ports('Destination ports.', ['destination-ports']),
    ports: ports('Source or destination ports.', []),
  },
}

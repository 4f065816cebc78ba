import type { MatchExtension, OptionSpec } from '../extension.ts'
import { interfaceName } from '../values/interface.ts'
import { flag } from '../values/text.ts'

function test(value: OptionSpec['value'], description: string): OptionSpec {
  return { value, description, negatable: true }
}

/** libxt_physdev */
export const physdev: MatchExtension = {
  kind: 'match',
  name: 'physdev',
  summary: 'Matches the ports of a bridge that the packet came from or goes to.',
  effect: 'pure',
  needsOption: true,
  options: {
    'physdev-is-in': test(flag, 'The packet came in through a bridge.'),
    'physdev-in': test(interfaceName, 'The bridge port the packet came in through.'),
    'physdev-is-out': test(flag, 'The packet will leave through a bridge.'),
    'physdev-out': test(interfaceName, 'The bridge port the packet will leave through.'),
    'physdev-is-bridged': test(flag, 'The packet is bridged, not routed.'),
  },
  // xt_physdev: on locally sent packets the outgoing port is only known for bridged traffic.
  hooksFor: (options) => {
    const has = (name: string): boolean => options.some((o) => o.name === name)
    const bridged = options.some((o) => o.name === 'physdev-is-bridged' && !o.negated)
    return (has('physdev-out') || has('physdev-is-out')) && !bridged
      ? ['PREROUTING', 'INPUT', 'FORWARD', 'POSTROUTING']
      : undefined
  },
}

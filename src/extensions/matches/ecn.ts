import { type MatchExtension, refuse } from '../extension.ts'
import { integer } from '../values/number.ts'
import { flag } from '../values/text.ts'

/** libxt_ecn */
export const ecn: MatchExtension = {
  kind: 'match',
  name: 'ecn',
  summary: 'Matches the ECN bits of the IP and TCP headers.',
  effect: 'pure',
  needsOption: true,
  options: {
    'ecn-tcp-ece': {
      value: flag,
      description: 'The ECE bit (ECN echo) of TCP is set.',
      negatable: true,
    },
    'ecn-tcp-cwr': {
      value: flag,
      description: 'The CWR bit (congestion window reduced) of TCP is set.',
      negatable: true,
    },
    'ecn-ip-ect': {
      value: integer({ max: 3, what: 'ECN codepoint' }),
      description: 'The ECN codepoint of the IP header, 0 to 3.',
      negatable: true,
    },
  },
  check: (options, { spec }) =>
    options.some((o) => o.name.startsWith('ecn-tcp-')) &&
    (spec.protocol?.value !== '6' || spec.protocol.negated)
      ? refuse('needs-protocol', 'the TCP bits of ecn need protocol tcp')
      : undefined,
}

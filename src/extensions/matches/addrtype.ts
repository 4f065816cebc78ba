import { type MatchExtension, type OptionSpec, refuse } from '../extension.ts'
import { abbreviatedList } from '../values/abbreviated-list.ts'
import { flag } from '../values/text.ts'

const TYPES = abbreviatedList({
  what: 'address type',
  words: [
    'UNSPEC',
    'UNICAST',
    'LOCAL',
    'BROADCAST',
    'ANYCAST',
    'MULTICAST',
    'BLACKHOLE',
    'UNREACHABLE',
    'PROHIBIT',
    'THROW',
    'NAT',
    'XRESOLVE',
  ],
})

/** xt_addrtype.c refuses these for IPv6. */
const IPV4_ONLY = ['BROADCAST', 'BLACKHOLE', 'PROHIBIT', 'THROW', 'NAT', 'XRESOLVE']

function types(description: string): OptionSpec {
  return { value: TYPES, description, negatable: true }
}

/** libxt_addrtype, revision 1 */
export const addrtype: MatchExtension = {
  kind: 'match',
  name: 'addrtype',
  summary: 'Matches the type of an address as routing sees it: local, broadcast, unicast, …',
  effect: 'pure',
  options: {
    'src-type': types('Types of the source address, any of them.'),
    'dst-type': types('Types of the destination address, any of them.'),
    'limit-iface-in': {
      value: flag,
      description: 'Judge by the interface that the packet comes in by.',
      group: 'limit',
      hooks: ['PREROUTING', 'INPUT', 'FORWARD'],
    },
    'limit-iface-out': {
      value: flag,
      description: 'Judge by the interface that the packet goes out by.',
      group: 'limit',
      hooks: ['FORWARD', 'OUTPUT', 'POSTROUTING'],
    },
  },
  normalise: (options, { family }) => {
    const typed = options.filter((o) => o.values.length > 0)
    if (typed.length === 0) {
      return refuse('missing-option', 'addrtype needs one of --src-type, --dst-type')
    }
    const wrong = typed
      .flatMap((o) => o.values[0]?.split(',') ?? [])
      .find((type) => family === 'ipv6' && IPV4_ONLY.includes(type))
    return wrong === undefined
      ? options
      : refuse('wrong-family', `address type ${wrong} is not there for IPv6`)
  },
}

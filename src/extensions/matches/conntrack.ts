import type { MatchExtension, OptionSpec } from '../extension.ts'
import { abbreviatedList } from '../values/abbreviated-list.ts'
import { choice } from '../values/choice.ts'
import { foldHostBits, hostMask } from '../values/host.ts'
import { lookupPortRange } from '../values/lookup-port.ts'
import { impossible, negatedFullRange, reversedRange } from '../values/never-matches.ts'
import { integerRange } from '../values/number.ts'
import { protocolNumber } from '../values/protocol-number.ts'

/** What `state` knows too; the virtual states come after it. */
export const STATES: readonly string[] = ['INVALID', 'NEW', 'RELATED', 'ESTABLISHED', 'UNTRACKED']

const FULL_TIME = '0:4294967295'

function address(description: string): OptionSpec {
  return { value: hostMask, description, negatable: true, fold: foldHostBits }
}

function ports(description: string): OptionSpec {
  return { value: lookupPortRange, description, negatable: true }
}

/**
 * libxt_conntrack, revision 3. Full port ranges stay: they test that there is a connection. Two
 * instances are not one: in one instance, --ctstate alone decides on packets without a connection.
 */
export const conntrack: MatchExtension = {
  kind: 'match',
  name: 'conntrack',
  summary: 'Matches what connection tracking knows of the packet.',
  effect: 'pure',
  needsOption: true,
  options: {
    ctstate: {
      value: abbreviatedList({ what: 'connection state', words: [...STATES, 'SNAT', 'DNAT'] }),
      description: 'The states of the connection, any of them.',
      negatable: true,
    },
    ctproto: {
      value: protocolNumber,
      description: 'The transport protocol of the connection.',
      negatable: true,
    },
    ctorigsrc: address('Source address in the original direction.'),
    ctorigdst: address('Destination address in the original direction.'),
    ctreplsrc: address('Source address in the reply direction.'),
    ctrepldst: address('Destination address in the reply direction.'),
    ctorigsrcport: ports('Source port, or GRE key, in the original direction.'),
    ctorigdstport: ports('Destination port, or GRE key, in the original direction.'),
    ctreplsrcport: ports('Source port, or GRE key, in the reply direction.'),
    ctrepldstport: ports('Destination port, or GRE key, in the reply direction.'),
    ctstatus: {
      value: abbreviatedList({
        what: 'connection status',
        words: ['EXPECTED', 'SEEN_REPLY', 'ASSURED', 'CONFIRMED'],
        empty: 'NONE',
      }),
      description: 'The statuses of the connection, any of them.',
      negatable: true,
    },
    ctexpire: {
      value: integerRange({
        separator: ':',
        max: 0xffffffff,
        what: 'lifetime',
        reversed: 'accepted',
      }),
      description: 'How many seconds the connection lives on without packets.',
      negatable: true,
    },
    ctdir: {
      value: choice({
        what: 'direction',
        values: { ORIGINAL: 'ORIGINAL', REPLY: 'REPLY' },
      }),
      description: 'The direction in which the packet flows.',
    },
  },
  caution: (options) =>
    // xt_conntrack.c: the mask of NONE is 0, and no status is in it.
    impossible(options, { ctstatus: 'NONE', ctproto: '0' }, 'no connection has that') ??
    negatedFullRange(options, '0:65535') ??
    negatedFullRange(options, FULL_TIME) ??
    reversedRange(options.filter((o) => o.name === 'ctexpire')),
}

import type { MatchExtension } from '../extension.ts'
import { icmpType } from '../values/icmp-type.ts'
import { negatedFullRange } from '../values/never-matches.ts'

const TYPES = {
  any: '255',
  'echo-reply': '0',
  pong: '0',
  'destination-unreachable': '3',
  'network-unreachable': '3/0',
  'host-unreachable': '3/1',
  'protocol-unreachable': '3/2',
  'port-unreachable': '3/3',
  'fragmentation-needed': '3/4',
  'source-route-failed': '3/5',
  'network-unknown': '3/6',
  'host-unknown': '3/7',
  'network-prohibited': '3/9',
  'host-prohibited': '3/10',
  'TOS-network-unreachable': '3/11',
  'TOS-host-unreachable': '3/12',
  'communication-prohibited': '3/13',
  'host-precedence-violation': '3/14',
  'precedence-cutoff': '3/15',
  'source-quench': '4',
  redirect: '5',
  'network-redirect': '5/0',
  'host-redirect': '5/1',
  'TOS-network-redirect': '5/2',
  'TOS-host-redirect': '5/3',
  'echo-request': '8',
  ping: '8',
  'router-advertisement': '9',
  'router-solicitation': '10',
  'time-exceeded': '11',
  'ttl-exceeded': '11',
  'ttl-zero-during-transit': '11/0',
  'ttl-zero-during-reassembly': '11/1',
  'parameter-problem': '12',
  'ip-header-bad': '12/0',
  'required-option-missing': '12/1',
  'timestamp-request': '13',
  'timestamp-reply': '14',
  'address-mask-request': '17',
  'address-mask-reply': '18',
}

/**
 * libipt_icmp. The kernel (icmp_type_code_match) takes type 255 for any, whatever the code, and
 * versions before 1.8.10 save it so.
 */
export const icmp: MatchExtension = {
  kind: 'match',
  name: 'icmp',
  summary: 'Matches the type and code of ICMP.',
  families: ['ipv4'],
  effect: 'pure',
  implicitFor: ['1'],
  protocols: ['1'],
  options: {
    'icmp-type': {
      value: icmpType({ names: TYPES, any: { type: 255, name: 'any' } }),
      description: 'The type, by name or number, optionally with a code.',
      negatable: true,
      required: true,
    },
  },
  caution: (options) => negatedFullRange(options, 'any'),
}

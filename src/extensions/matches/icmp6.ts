import type { MatchExtension } from '../extension.ts'
import { icmpType } from '../values/icmp-type.ts'

const TYPES = {
  'destination-unreachable': '1',
  'no-route': '1/0',
  'communication-prohibited': '1/1',
  'beyond-scope': '1/2',
  'address-unreachable': '1/3',
  'port-unreachable': '1/4',
  'failed-policy': '1/5',
  'reject-route': '1/6',
  'packet-too-big': '2',
  'time-exceeded': '3',
  'ttl-exceeded': '3',
  'ttl-zero-during-transit': '3/0',
  'ttl-zero-during-reassembly': '3/1',
  'parameter-problem': '4',
  'bad-header': '4/0',
  'unknown-header-type': '4/1',
  'unknown-option': '4/2',
  'echo-request': '128',
  ping: '128',
  'echo-reply': '129',
  pong: '129',
  'router-solicitation': '133',
  'router-advertisement': '134',
  'neighbour-solicitation': '135',
  'neighbor-solicitation': '135',
  'neighbour-advertisement': '136',
  'neighbor-advertisement': '136',
  redirect: '137',
}

/** libip6t_icmp6. No type stands for any here, 255 is just 255. */
export const icmp6: MatchExtension = {
  kind: 'match',
  name: 'icmp6',
  aliases: ['icmpv6', 'ipv6-icmp'],
  summary: 'Matches the type and code of ICMPv6.',
  families: ['ipv6'],
  effect: 'pure',
  implicitFor: ['58'],
  protocols: ['58'],
  options: {
    'icmpv6-type': {
      value: icmpType({ names: TYPES }),
      description: 'The type, by name or number, optionally with a code.',
      negatable: true,
      required: true,
    },
  },
}

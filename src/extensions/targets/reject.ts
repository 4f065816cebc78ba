import { refuse, type TargetExtension } from '../extension.ts'
import { choice } from '../values/choice.ts'

const FILTER_HOOKS = ['INPUT', 'FORWARD', 'OUTPUT'] as const

/** libipt_REJECT */
export const reject4: TargetExtension = {
  kind: 'target',
  name: 'REJECT',
  summary: 'Drops the packet and tells the sender by an error.',
  families: ['ipv4'],
  terminating: true,
  tables: ['filter'],
  hooks: FILTER_HOOKS,
  options: {
    'reject-with': {
      value: choice({
        what: 'reject type',
        prefix: true,
        values: {
          'icmp-net-unreachable': 'icmp-net-unreachable',
          'net-unreach': 'icmp-net-unreachable',
          'icmp-host-unreachable': 'icmp-host-unreachable',
          'host-unreach': 'icmp-host-unreachable',
          'icmp-proto-unreachable': 'icmp-proto-unreachable',
          'proto-unreach': 'icmp-proto-unreachable',
          'icmp-port-unreachable': 'icmp-port-unreachable',
          'port-unreach': 'icmp-port-unreachable',
          'icmp-net-prohibited': 'icmp-net-prohibited',
          'net-prohib': 'icmp-net-prohibited',
          'icmp-host-prohibited': 'icmp-host-prohibited',
          'host-prohib': 'icmp-host-prohibited',
          'tcp-reset': 'tcp-reset',
          'tcp-rst': 'tcp-reset',
          'icmp-admin-prohibited': 'icmp-admin-prohibited',
          'admin-prohib': 'icmp-admin-prohibited',
        },
      }),
      description: 'The error that is sent back.',
      preset: 'icmp-port-unreachable',
    },
  },
  check: (options, { spec }) =>
    options[0]?.values[0] === 'tcp-reset' && (spec.protocol?.value !== '6' || spec.protocol.negated)
      ? refuse('needs-protocol', 'REJECT with tcp-reset needs protocol tcp')
      : undefined,
}

/** libip6t_REJECT */
export const reject6: TargetExtension = {
  ...reject4,
  families: ['ipv6'],
  options: {
    'reject-with': {
      value: choice({
        what: 'reject type',
        prefix: true,
        values: {
          'icmp6-no-route': 'icmp6-no-route',
          'no-route': 'icmp6-no-route',
          'icmp6-adm-prohibited': 'icmp6-adm-prohibited',
          'adm-prohibited': 'icmp6-adm-prohibited',
          'icmp6-addr-unreachable': 'icmp6-addr-unreachable',
          'addr-unreach': 'icmp6-addr-unreachable',
          'icmp6-port-unreachable': 'icmp6-port-unreachable',
          'port-unreach': 'icmp6-port-unreachable',
          'tcp-reset': 'tcp-reset',
          'icmp6-policy-fail': 'icmp6-policy-fail',
          'policy-fail': 'icmp6-policy-fail',
          'icmp6-reject-route': 'icmp6-reject-route',
          'reject-route': 'icmp6-reject-route',
        },
      }),
      description: 'The error that is sent back.',
      preset: 'icmp6-port-unreachable',
    },
  },
}

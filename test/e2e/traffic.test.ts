import { expect, test } from 'vitest'
import { BUILTIN_CHAINS } from '../../src/ruleset/hooks.ts'
import type { TableName } from '../../src/ruleset/model.ts'
import { BACKENDS } from './namespace.ts'
import { startTraffic } from './traffic.ts'
import { PORTS } from './traffic-peer.ts'
import { workbench } from './workbench.ts'

const ESTABLISHED = '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'
const ALLOW = ['tcp', 'udp'].map(
  (protocol) => `-p ${protocol} -m ${protocol} --dport ${PORTS.accepted} -j ACCEPT`,
)
const DENY = `-p udp -m udp --dport ${PORTS.denied} -j DROP`

/** They let through the same, each in its own way: other orders, other chains, other tables. */
const POLICIES: readonly string[] = [
  table('filter', { FORWARD: [ESTABLISHED, ...ALLOW, DENY] }),
  table('filter', { FORWARD: [DENY, '-j WEB'], WEB: [...ALLOW.toReversed(), ESTABLISHED] }),
  table('filter', {
    FORWARD: ['-p tcp -m tcp --dport 1 -j ACCEPT', ...ALLOW, '-j LOGGED', ESTABLISHED],
    LOGGED: ['-m limit --limit 1/hour -j LOG', '-j RETURN'],
  }) +
    table('nat', {
      PREROUTING: ['-p tcp -m tcp --dport 9090 -j DNAT --to-destination 203.0.113.9'],
    }) +
    table('mangle', {
      FORWARD: ['-p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu'],
    }),
  table('filter', { FORWARD: [...ALLOW, ESTABLISHED, DENY], OUTPUT: ['-p icmp -j ACCEPT'] }) +
    table('nat', {
      PREROUTING: ['-p tcp -m tcp --dport 9091 -j DNAT --to-destination 203.0.113.9'],
    }) +
    table('raw', { PREROUTING: ['-s 192.0.2.0/24 -j DROP'] }),
]

function table(name: TableName, chains: Readonly<Record<string, readonly string[]>>): string {
  const builtin: readonly string[] = BUILTIN_CHAINS[name]
  const policy = (chain: string): string =>
    name === 'filter' && chain === 'FORWARD' ? 'DROP' : 'ACCEPT'
  const users = Object.keys(chains).filter((chain) => !builtin.includes(chain))
  return [
    `*${name}`,
    ...builtin.map((chain) => `:${chain} ${policy(chain)} [0:0]`),
    ...users.map((chain) => `:${chain} - [0:0]`),
    ...Object.entries(chains).flatMap(([chain, rules]) =>
      rules.map((rule) => `-A ${chain} ${rule}`),
    ),
    'COMMIT',
    '',
  ].join('\n')
}

const APPLIES = Number(process.env.FWCTL_TRAFFIC_APPLIES ?? '16')

test.each(BACKENDS)(
  'while policies are applied on %s, no accepted packet is lost and no denied one gets through',
  async (backend) => {
    await using bench = await workbench(backend)
    await bench.load('ipv4', POLICIES[0] ?? '')
    await using traffic = await startTraffic(bench.scratch)
    let applied = 0
    for (let n = 1; n <= APPLIES; n++) {
      const plan = await bench.planTo({ ipv4: POLICIES[n % POLICIES.length] ?? '' })
      const { kind } = await bench.apply(plan, { rehearse: n % 8 === 0 ? 'required' : 'off' })
      if (kind === 'applied') applied++
    }
    const { client, server } = await traffic.stop()

    expect(applied).toBe(APPLIES)
    expect(client.lost).toEqual([])
    expect(client.retransmitted + server.retransmitted).toBe(0)
    expect(server.denied).toBe(0)
    for (const count of Object.values(client.sent)) expect(count).toBeGreaterThan(APPLIES)
    expect(server.accepted).toBeGreaterThanOrEqual(client.sent.newTcp + client.sent.newUdp)
  },
)

/** Applies while traffic flows through the host: what the test and the campaign share. */
import { BUILTIN_CHAINS } from '../../src/ruleset/hooks.ts'
import type { Backend, TableName } from '../../src/ruleset/model.ts'
import { startTraffic, type TrafficReport } from './traffic.ts'
import { PORTS } from './traffic-peer.ts'
import { workbench } from './workbench.ts'

export interface TrafficResult extends TrafficReport {
  readonly applied: number
  /** What must not be, in words. Empty: all is well. */
  readonly faults: readonly string[]
}

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

export async function applyUnderTraffic(options: {
  readonly backend: Backend
  readonly applies: number
}): Promise<TrafficResult> {
  const { backend, applies } = options
  await using bench = await workbench(backend)
  await bench.load('ipv4', POLICIES[0] ?? '')
  await using traffic = await startTraffic(bench.scratch)
  let applied = 0
  for (let n = 1; n <= applies; n++) {
    const plan = await bench.planTo({ ipv4: POLICIES[n % POLICIES.length] ?? '' })
    const { kind } = await bench.apply(plan, { rehearse: n % 8 === 0 ? 'required' : 'off' })
    if (kind === 'applied') applied++
  }
  const report = await traffic.stop()
  return { applied, ...report, faults: faultsOf(report) }
}

function faultsOf({ client, server, packets }: TrafficReport): readonly string[] {
  const faults = client.lost.map((name) => `never answered: ${name}`)
  for (const [way, { sent, arrived }] of Object.entries(packets)) {
    if (arrived !== sent) faults.push(`${way}: of ${sent} packets ${arrived} arrived`)
  }
  if (server.denied > 0) faults.push(`${server.denied} denied packets or connections got through`)
  if (server.accepted < client.sent.newTcp + client.sent.newUdp) {
    faults.push(`the server has seen no more than ${server.accepted} of what is accepted`)
  }
  return faults
}

import type { Random } from '../../src/extensions/extension.ts'
import type { BenchRule } from './ruleset.ts'

const PORTS = ['22', '25', '53', '80', '123', '443', '993', '3306', '5432', '6379', '8080', '9100']
const INTERFACES = ['eth0', 'eth1', 'wg0', 'br-lan', 'vlan10']

/** A rule as they stand in grown rulesets: most of them addresses and a port, some with more. */
export function randomRule(random: Random, index: number): BenchRule {
  const port = (): string => PORTS[random(PORTS.length)] ?? ''
  const protocol = random(3) === 0 ? 'udp' : 'tcp'
  const kind = random(20)
  return {
    source: `${kind === 0 ? '! ' : ''}${network(random)}`,
    ...(kind % 2 === 0 && { destination: network(random) }),
    ...(kind % 5 === 1 && { inInterface: INTERFACES[random(INTERFACES.length)] ?? '' }),
    protocol,
    dport: portsOf(kind, port, random),
    ...(kind % 4 === 3 && { ctstate: ['NEW'] }),
    ...(kind === 6 && { limit: '10/min' }),
    ...(kind % 3 === 1 && { comment: `rule ${index} of ticket FW-${1000 + random(9000)}` }),
    jump: kind === 5 ? 'REJECT' : kind % 7 === 2 ? 'DROP' : 'ACCEPT',
  }
}

function portsOf(kind: number, port: () => string, random: Random): readonly string[] {
  if (kind === 8) {
    const from = 10_000 + random(1000)
    return [`${from}:${from + 1 + random(500)}`]
  }
  if (kind !== 12) return [port()]
  return [...new Set([port(), port(), port(), '10443'])]
}

function network(random: Random): string {
  const [a, b, c, d] = [random(256), random(256), random(256), random(256)]
  return [`10.${a}.0.0/16`, `10.${a}.${b}.0/24`, `10.${a}.${b}.${c}/32`, `172.16.${d}.${c}/32`][
    random(4)
  ] as string
}

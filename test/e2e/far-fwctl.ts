/** fwctl from here, for a machine behind ssh. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CliResult, runCli } from '../cli/run-cli.ts'
import type { FarMachine } from './far-machine.ts'
import { withoutCounters } from './namespace.ts'

export const POLICY = `apiVersion: fwctl/v1
sets:
  bad: { type: "hash:ip", entries: [192.0.2.1, 192.0.2.2] }
tables:
  filter:
    chains:
      INPUT:
        rules:
          - { name: loopback, in-interface: lo, jump: ACCEPT }
          - { name: web, protocol: tcp, dport: 80, jump: WEB }
          - { name: bad ones, match: { set: { match-set: [bad, src] } }, family: ipv4, jump: DROP }
      WEB: { rules: [{ name: limited, jump: ACCEPT }] }
`
const LIVE = `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
[4:240] -A INPUT -p tcp -m tcp --dport 23 -j ACCEPT
[1:60] -A INPUT -i eth7 -j DROP
COMMIT
`

export function fwctl(far: FarMachine, ...argv: string[]): Promise<CliResult> {
  const words = ['--host', far.host, '--ssh-config', far.config, ...argv.slice(1)]
  return runCli([argv[0] ?? '', ...words], { cwd: far.folder, env: process.env })
}

export function rules(far: FarMachine, backend = 'nft'): string {
  const save = (name: string): string => far.run(`${name}-${backend}-save`, ['-c'])
  return withoutCounters(save('iptables') + save('ip6tables'))
}

export function load(far: FarMachine, backend = 'nft'): string {
  for (const name of ['iptables', 'ip6tables']) {
    far.run(`${name}-${backend}-restore`, ['--counters'], LIVE)
  }
  writeFileSync(join(far.folder, 'fwctl.yaml'), POLICY)
  return rules(far, backend)
}

export async function until(what: string, isSo: () => boolean, seconds = 60): Promise<void> {
  const end = performance.now() + seconds * 1000
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`not within ${seconds} s: ${what}`)
    await sleep(100)
  }
}

export function pending(far: FarMachine): { readonly state: string; readonly outcome: string } {
  return JSON.parse(far.run('cat', ['/var/lib/fwctl/pending.json']))
}

export const isSettled = (far: FarMachine) => (): boolean => pending(far).state !== 'pending'

/** A host with rules, a policy for it, and what became of a change that has to be confirmed. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type PendingChange, readPending } from '../../src/host/pending.ts'
import { type StateDir, stateDirPaths } from '../../src/host/state-dir.ts'
import type { Backend } from '../../src/ruleset/model.ts'
import { type CliNamespace, cliNamespace } from './cli-namespace.ts'
import { withoutCounters } from './namespace.ts'

const LIVE = `*filter
:INPUT ACCEPT [5:400]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
[4:240] -A INPUT -p tcp -m tcp --dport 23 -j ACCEPT
[1:60] -A FORWARD -o docker0 -j DOCKER
-A FORWARD -i eth7 -j DROP
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 10.9.0.0/16 -j RETURN
COMMIT
`
export const POLICY = `apiVersion: fwctl/v1
tables:
  filter:
    chains:
      INPUT:
        policy: DROP
        rules:
          - { name: loopback, in-interface: lo, jump: ACCEPT }
          - { name: web, protocol: tcp, dport: 80, jump: WEB }
      FORWARD:
        policy: DROP
        rules:
          - { name: transit, in-interface: eth1, out-interface: eth2, jump: ACCEPT }
      WEB: { rules: [{ name: limited, jump: ACCEPT }] }
`

export async function setUp(backend: Backend = 'nft'): Promise<CliNamespace> {
  const it = await cliNamespace(backend)
  it.write('fwctl.yaml', POLICY)
  await it.load('ipv4', LIVE)
  await it.load('ipv6', LIVE.replaceAll('10.9.0.0/16', '2001:db8::/32'))
  return it
}

export async function rules(it: CliNamespace): Promise<string> {
  return withoutCounters(`${await it.save('ipv4')}${await it.save('ipv6')}`)
}

export function stateDir(it: CliNamespace): StateDir {
  return stateDirPaths(it.stateDir, { stateKey: `netns-${it.name}` })
}

export async function pendingOf(it: CliNamespace): Promise<PendingChange> {
  const pending = await readPending(stateDir(it))
  if (pending === undefined) throw new Error('nothing is pending')
  return pending
}

export async function until(
  what: string,
  isSo: () => Promise<boolean>,
  seconds = 30,
): Promise<void> {
  const end = performance.now() + seconds * 1000
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`not within ${seconds} s: ${what}`)
    await sleep(100)
  }
}

export async function settled(
  it: CliNamespace,
  state: PendingChange['state'],
): Promise<PendingChange> {
  await until(`the change is ${state}`, async () => (await pendingOf(it)).state === state)
  return pendingOf(it)
}

export interface Session {
  readonly output: () => string
  readonly kill: () => void
}

/**
 * A parent in a session of its own, and fwctl below it, from its sources, which then waits for a probe
 * that nobody answers. `within`: the program and the words before it that lead into another place.
 */
export function startSession(
  it: CliNamespace,
  {
    backend,
    seconds,
    within = [],
  }: {
    readonly backend: Backend
    readonly seconds: number
    readonly within?: readonly string[]
  },
): Session {
  const main = join(import.meta.dirname, '../../src/main.ts')
  const argv = [
    ...['--import', import.meta.resolve('tsx'), main, 'apply'],
    ...[join(it.folder, 'fwctl.yaml'), '--auto-approve'],
    ...['--confirm-within', `${seconds}s`, '--confirm-probe', 'tcp://127.0.0.1:1'],
    ...['--netns', it.name, '--backend', backend, '--state-dir', it.stateDir],
  ]
  const parent = `
    const child = require('node:child_process').spawn(process.execPath, ${JSON.stringify(argv)}, { stdio: 'inherit' })
    child.on('exit', (code) => process.exit(code))
  `
  const [program = '', ...words] = [...within, process.execPath, '-e', parent]
  const session = spawn(program, words, { detached: true })
  let output = ''
  session.stdout.on('data', (text) => {
    output += text
  })
  session.stderr.on('data', (text) => {
    output += text
  })
  return {
    output: () => output,
    // The whole process group at once: the parent, fwctl, and what it runs.
    kill: () => process.kill(-(session.pid as number), 'SIGKILL'),
  }
}

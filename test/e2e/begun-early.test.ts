import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { temporaryFolder } from '../cli/run-cli.ts'
import { scratchNamespace } from './namespace.ts'

const MAIN = join(import.meta.dirname, '../../dist/main.cjs')

beforeAll(() => expect(existsSync(MAIN), 'run npm run build first').toBe(true))

function policy(port: number): string {
  return `apiVersion: fwctl/v1
families: [ipv4]
tables: { filter: { chains: { own: { rules: [{ protocol: tcp, dport: ${port}, jump: ACCEPT }] } } } }
`
}

test('what was read early is read anew when another fwctl has been at work before the lock was free', async () => {
  await using host = await scratchNamespace()
  using folder = temporaryFolder()
  const state = join(folder.path, 'state')
  const enter = ['nsenter', `--net=/proc/${host.pid}/ns/net`, '--'] as const
  const start = (program: readonly string[]) => {
    const [first = '', ...rest] = program
    return spawn(first, rest, { stdio: ['pipe', 'pipe', 'pipe'] })
  }
  const apply = (port: number) => {
    const file = join(folder.path, `${port}.yaml`)
    writeFileSync(file, policy(port))
    const words = ['apply', file, '--auto-approve', '--backend', 'nft', '--state-dir', state]
    return start([...enter, process.execPath, MAIN, ...words])
  }
  expect(await once(apply(1), 'exit')).toEqual([0, null])
  const first = readdirSync(join(state, 'snapshots'))

  const other = start(['flock', join(state, 'lock'), 'cat'])
  other.stdin.write('held\n')
  await once(other.stdout, 'data')
  const waiting = apply(2)
  const ended = once(waiting, 'exit')
  // Longer than what was begun early takes: iptables-save of a handful of rules.
  await new Promise((resolve) => setTimeout(resolve, 1500))
  await host.run('iptables-nft', ['-A', 'own', '-s', '10.9.8.7', '-j', 'DROP'])
  // As its record is written, under another name first.
  writeFileSync(join(state, 'new'), readFileSync(join(state, 'applied.json')))
  renameSync(join(state, 'new'), join(state, 'applied.json'))
  other.stdin.end()
  await once(other, 'exit')

  expect(await ended).toEqual([0, null])
  const [snapshot = ''] = readdirSync(join(state, 'snapshots')).filter(
    (name) => !first.includes(name),
  )
  const kept = readdirSync(join(state, 'snapshots', snapshot))
    .map((name) => readFileSync(join(state, 'snapshots', snapshot, name), 'utf8'))
    .join('\n')
  expect(kept).toContain('-s 10.9.8.7/32')
  expect(await host.save('nft', 'ipv4')).not.toContain('10.9.8.7')
})

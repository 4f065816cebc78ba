import { spawn } from 'node:child_process'
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type CliResult, runCli } from '../cli/run-cli.ts'
import { type FarMachine, farMachine } from './far-machine.ts'

const ROOT = join(import.meta.dirname, '../..')
const UID = 4242
const POLICY = `apiVersion: fwctl/v1
tables: { filter: { chains: { FORWARD: { rules: [{ name: transit, in-interface: eth1, jump: ACCEPT }] } } } }
`

/** A machine with a user who may become root without a password, unless somebody changes that. */
function machineWithSudo(): Promise<FarMachine> {
  return farMachine({
    setUp: `
      echo 'deploy:x:${UID}:${UID}::/run/deploy:/bin/sh' >> /etc/passwd
      echo 'deploy:*:19000:0:99999:7:::' >> /etc/shadow
      mkdir /run/deploy && chown ${UID} /run/deploy
      printf '%s\\n' 'Defaults use_pty' 'deploy ALL=(root) NOPASSWD: ALL' > /etc/sudoers
      chmod 440 /etc/sudoers
      rm -rf /etc/sudoers.d`,
  })
}

/** As that user, on that machine, from a copy of what is built. */
async function asUser(far: FarMachine, ...argv: string[]): Promise<CliResult> {
  const enter = ['--net', '--mount', '-t', `${far.pid}`, '--', 'setpriv', '--reuid', `${UID}`]
  const user = ['--regid', `${UID}`, '--clear-groups', '--', 'env', '-C', far.folder]
  const bin = join(far.folder, 'fwctl/dist/main.cjs')
  const child = spawn(
    'nsenter',
    [...enter, ...user, '-i', 'HOME=/run/deploy', process.execPath, bin, ...argv],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const said = { stdout: '', stderr: '' }
  child.stdout.on('data', (bytes: Buffer) => {
    said.stdout += bytes
  })
  child.stderr.on('data', (bytes: Buffer) => {
    said.stderr += bytes
  })
  const code = await new Promise<number>((resolve) => {
    child.on('close', (status) => resolve(status ?? -1))
  })
  return { code, ...said }
}

function setUp(far: FarMachine): void {
  cpSync(join(ROOT, 'dist'), join(far.folder, 'fwctl/dist'), { recursive: true })
  cpSync(join(ROOT, 'schemas'), join(far.folder, 'fwctl/schemas'), { recursive: true })
  writeFileSync(join(far.folder, 'fwctl.yaml'), POLICY)
}

const forward = (far: FarMachine): string => far.run('iptables', ['-S', 'FORWARD'])

test('a user plans, applies and goes back with --sudo, and root keeps the state', async () => {
  await using far = await machineWithSudo()
  setUp(far)
  const alone = await asUser(far, 'plan')
  expect(alone.code).not.toBe(0)

  expect(await asUser(far, 'plan', '--sudo')).toMatchObject({ code: 0 })
  expect(await asUser(far, 'apply', '--sudo', '--auto-approve')).toMatchObject({ code: 0 })
  expect(forward(far)).toContain('transit')
  expect(far.run('stat', ['-c', '%U %a', '/var/lib/fwctl/applied.json'])).toBe('root 600\n')
  expect((await asUser(far, 'snapshots', '--sudo')).stdout).toContain('apply fwctl.yaml')
  expect(await asUser(far, 'drift', '--sudo')).toMatchObject({ code: 0 })
  expect(await asUser(far, 'rollback', '--sudo', '--auto-approve')).toMatchObject({ code: 0 })
  expect(forward(far)).not.toContain('transit')
})

test('a change of a user is taken back when nobody confirms it', async () => {
  await using far = await machineWithSudo()
  setUp(far)
  const words = ['apply', '--sudo', '--auto-approve', '--confirm-within', '2s']
  const { code, stdout } = await asUser(far, ...words)
  expect(code).toBe(0)
  expect(stdout).toMatch(/fwctl confirm [0-9a-f]{8} --sudo\n/)
  const end = performance.now() + 60_000
  while (forward(far).includes('transit') && performance.now() < end) await sleep(200)
  expect(forward(far)).not.toContain('transit')
})

test('sudo that wants a password is told, and nothing is waited for', async () => {
  await using far = await machineWithSudo()
  setUp(far)
  far.run('sed', ['-i', 's/NOPASSWD: ALL/ALL/', '/etc/sudoers'])
  const { code, stderr } = await asUser(far, 'import', '--sudo')
  expect(code).toBe(1)
  expect(stderr).toMatch(/sudo: a password is required.*fwctl types no passwords/)
})

test('ssh and sudo go together', async () => {
  await using far = await machineWithSudo()
  writeFileSync(join(far.folder, 'fwctl.yaml'), POLICY)
  const host = far.host.replace('ssh://', 'ssh://deploy@')
  const words = ['--host', host, '--ssh-config', far.config, '--sudo']
  const options = { cwd: far.folder, env: process.env }
  const applied = await runCli(['apply', '--auto-approve', ...words], options)
  expect(applied).toMatchObject({ code: 0 })
  expect(applied.stderr).toContain(`--host ${host} --ssh-config ${far.config} --sudo`)
  expect(forward(far)).toContain('transit')
  expect(far.run('stat', ['-c', '%U', '/var/lib/fwctl/applied.json'])).toBe('root\n')
})

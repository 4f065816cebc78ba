import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runCli, temporaryFolder } from '../cli/run-cli.ts'
import { type CliNamespace, cliNamespace } from './cli-namespace.ts'
import { BACKENDS, withoutCounters } from './namespace.ts'

const LIVE = `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
-A FORWARD -j DOCKER
COMMIT
`
const POLICY = `apiVersion: fwctl/v1
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
  nat:
    chains:
      POSTROUTING: { rules: [{ out-interface: eth1, jump: MASQUERADE, family: ipv4 }] }
`

/** Which table legacy prints first depends on which was used first. */
async function rules(it: CliNamespace): Promise<string> {
  const dumps = [await it.save('ipv4'), await it.save('ipv6')].map(withoutCounters)
  return dumps
    .map((dump) =>
      dump
        .split(/(?<=^COMMIT\n)/m)
        .sort()
        .join(''),
    )
    .join('')
}

/** Another namespace takes the place, and the name, of this one: its rules are gone. */
async function restart(it: CliNamespace): Promise<void> {
  const holder = spawn('unshare', ['--net', 'sleep', '60'], { stdio: 'ignore' })
  await once(holder, 'spawn')
  const own = () => readNamespace('self')
  const deadline = performance.now() + 5000
  while (readNamespace(holder.pid as number) === own()) {
    if (performance.now() > deadline) throw new Error('no namespace')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  execFileSync('ip', ['netns', 'del', it.name])
  execFileSync('ip', ['netns', 'attach', it.name, `${holder.pid}`])
  holder.kill('SIGKILL')
  await once(holder, 'close')
}

function readNamespace(pid: number | 'self'): string {
  return execFileSync('readlink', [`/proc/${pid}/ns/net`], { encoding: 'utf8' })
}

describe.each(BACKENDS)('restore after a restart, on %s', (backend) => {
  async function applied(): Promise<CliNamespace> {
    const it = await cliNamespace(backend)
    it.write('fwctl.yaml', POLICY)
    for (const family of ['ipv4', 'ipv6'] as const) await it.load(family, LIVE)
    expect(await it.fwctl(['apply', '--auto-approve'])).toMatchObject({ code: 0 })
    return it
  }

  test('brings back what was applied, and only what is ours', async () => {
    await using it = await applied()
    const before = await rules(it)
    await restart(it)

    expect(await it.fwctl(['restore'])).toMatchObject({ code: 0 })

    expect(await rules(it)).toBe(before.replaceAll(/^.*DOCKER.*\n/gm, ''))
    expect((await it.fwctl(['plan'])).stdout).toContain('No changes.')
    expect((await it.fwctl(['restore'])).stderr).toContain('is as it should be')
  })

  test('leaves alone what another tool has loaded by then', async () => {
    await using it = await applied()
    const before = await rules(it)
    await restart(it)
    for (const family of ['ipv4', 'ipv6'] as const) await it.load(family, LIVE)

    expect(await it.fwctl(['restore'])).toMatchObject({ code: 0 })

    expect(await rules(it)).toBe(before)
  })

  test('a change that nobody confirmed does not come back', async () => {
    await using it = await applied()
    const before = (await rules(it)).replaceAll(/^.*DOCKER.*\n/gm, '')
    it.write('fwctl.yaml', POLICY.replace('dport: 80', 'dport: 81'))
    await it.fwctl(['apply', '--auto-approve', '--confirm-within', '60s'])
    expect(await rules(it)).toContain('--dport 81')
    await restart(it)

    expect(await it.fwctl(['restore'])).toMatchObject({ code: 0 })

    expect(await rules(it)).toBe(before)
    expect(await it.fwctl(['confirm'])).toMatchObject({ code: 4 })
  })

  test('a rule that has expired meanwhile does not come back', async () => {
    await using it = await cliNamespace(backend)
    it.write(
      'fwctl.yaml',
      POLICY.replace('dport: 80,', 'dport: 80, expires: "2099-01-01T00:00:00Z",'),
    )
    expect(await it.fwctl(['apply', '--auto-approve'])).toMatchObject({ code: 0 })
    expect(await rules(it)).toContain('--dport 80')
    await restart(it)

    await it.fwctl(['restore'], { now: () => new Date('2099-01-01T00:00:00Z') })

    expect(await rules(it)).not.toContain('--dport 80')
    expect(await rules(it)).toContain('-i lo ')
  })

  test('needs no more than the capabilities that its unit has', async () => {
    await using it = await applied()
    const before = (await rules(it)).replaceAll(/^.*DOCKER.*\n/gm, '')
    await restart(it)
    // A namespace is entered with CAP_SYS_ADMIN, so before the rest is given up.
    const main = join(import.meta.dirname, '../../src/main.ts')
    const state = join(it.stateDir, 'targets', `netns-${it.name}`)
    const result = spawnSync(
      'ip',
      [
        ...['netns', 'exec', it.name, 'setpriv', '--bounding-set=-all,+net_admin,+net_raw'],
        ...['--inh-caps=-all', '--no-new-privs', process.execPath],
        ...['--import', import.meta.resolve('tsx'), main, 'restore', '--state-dir', state],
      ],
      { encoding: 'utf8', cwd: '/' },
    )
    expect(result).toMatchObject({ status: 0 })
    expect(await rules(it)).toBe(before)
  })
})

test('restore without anything applied does nothing', async () => {
  await using it = await cliNamespace('nft')
  const { code, stderr } = await it.fwctl(['restore'])
  expect(code).toBe(0)
  expect(stderr).toContain('nothing to restore')
  expect(await rules(it)).toBe('')
})

describe('install', () => {
  const units = [
    'fwctl-drift.service',
    'fwctl-drift.timer',
    'fwctl-restore.service',
    'fwctl-watch.service',
  ]

  function installInto(root: string, ...more: string[]) {
    return runCli(['install', '--root', root, '--command', '/usr/bin/true', ...more])
  }

  test.each([
    ['the state directory of the system', []],
    ['a state directory with a blank and a per cent sign', ['--state-dir', '/srv/fire wall/100%']],
    ['the legacy back end and a policy', ['--backend', 'legacy', '--policy', '/etc/fwctl.yaml']],
  ])('writes units that systemd takes: %s', async (_, more) => {
    using folder = temporaryFolder()
    const { code, stdout } = await installInto(folder.path, ...more)
    expect(code).toBe(0)
    const directory = join(folder.path, 'etc/systemd/system')
    expect(readdirSync(directory)).toEqual(units)
    expect(stdout.split('\n').filter(Boolean).sort()).toEqual(
      units.map((unit) => join(directory, unit)),
    )
    const verify = spawnSync('systemd-analyze', ['verify', ...stdout.trim().split('\n')], {
      encoding: 'utf8',
    })
    expect({ status: verify.status, said: verify.stdout + verify.stderr }).toEqual({
      status: 0,
      said: '',
    })
  })

  test.each(units.filter((unit) => unit.endsWith('.service')))(
    'lets %s do no more than it must',
    async (unit) => {
      using folder = temporaryFolder()
      await installInto(folder.path)
      const path = join(folder.path, 'etc/systemd/system', unit)
      const analysis = spawnSync(
        'systemd-analyze',
        ['security', '--offline=true', '--no-pager', '--threshold=25', path],
        { encoding: 'utf8' },
      )
      expect(analysis).toMatchObject({ status: 0 })
    },
  )

  test('uninstall removes what install wrote, and nothing else', async () => {
    using folder = temporaryFolder()
    await installInto(folder.path)
    const directory = join(folder.path, 'etc/systemd/system')
    writeFileSync(join(directory, 'other.service'), '[Unit]\n')
    expect(await runCli(['uninstall', '--root', folder.path])).toMatchObject({ code: 0 })
    expect(readdirSync(directory)).toEqual(['other.service'])
    const again = await runCli(['uninstall', '--root', folder.path])
    expect(again).toMatchObject({ code: 0, stdout: '' })
  })

  test("refuses to replace or remove somebody else's unit of that name", async () => {
    using folder = temporaryFolder()
    const directory = join(folder.path, 'etc/systemd/system')
    mkdirSync(directory, { recursive: true })
    const path = join(directory, 'fwctl-watch.service')
    writeFileSync(path, '[Unit]\nDescription=mine\n')
    expect(await installInto(folder.path)).toMatchObject({ code: 3 })
    expect(await runCli(['uninstall', '--root', folder.path])).toMatchObject({ code: 3 })
    expect(readFileSync(path, 'utf8')).toContain('mine')
    expect(existsSync(join(directory, 'fwctl-restore.service'))).toBe(false)
  })

  test('a second install replaces the first', async () => {
    using folder = temporaryFolder()
    await installInto(folder.path)
    await installInto(folder.path, '--policy', '/etc/fwctl.yaml')
    const text = readFileSync(join(folder.path, 'etc/systemd/system/fwctl-watch.service'), 'utf8')
    expect(text).toContain('ExecStart=/usr/bin/true watch --log-format json /etc/fwctl.yaml')
  })
})

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { readApplied } from '../../src/host/applied.ts'
import { readPending } from '../../src/host/pending.ts'
import type { CliNamespace } from './cli-namespace.ts'
import { BACKENDS } from './namespace.ts'
import {
  POLICY,
  pendingOf,
  rules,
  settled,
  setUp,
  startSession,
  stateDir,
  until,
} from './unconfirmed.ts'
import { freshWatchdog } from './watchdog-bundle.ts'

beforeAll(freshWatchdog)

const apply = (it: CliNamespace, within: string, ...more: string[]) =>
  it.fwctl(['apply', '--auto-approve', '--confirm-within', within, ...more])

describe.each(BACKENDS)('a change that nobody confirms, on %s', (backend) => {
  test('is rolled back by itself, to the letter, and not remembered', async () => {
    await using it = await setUp(backend)
    const before = await rules(it)
    const { code, stdout } = await apply(it, '2s')
    expect(code).toBe(0)
    expect(await rules(it)).not.toBe(before)
    const { token, deadline } = await pendingOf(it)
    expect(stdout).toContain(`fwctl confirm ${token} --netns ${it.name} --state-dir ${it.stateDir}`)
    expect(stdout).toContain(deadline)

    const ended = await settled(it, 'rolled-back')

    expect(ended.outcome).toBe('nobody confirmed it in time')
    expect(Date.parse(ended.endedAt ?? '') - Date.parse(deadline)).toBeGreaterThanOrEqual(0)
    expect(await rules(it)).toBe(before)
    expect(await it.save('ipv4')).toContain('[4:240] -A INPUT -p tcp -m tcp --dport 23')
    expect(await readApplied(stateDir(it))).toBe(undefined)
  })

  test('is rolled back after fwctl, its parent and its session are killed', async () => {
    await using it = await setUp(backend)
    const before = await rules(it)
    const session = startSession(it, { backend, seconds: 5 })
    await until('it is applied', async () => (await rules(it)).includes('--dport 80'))
    await until('it probes', async () => session.output().includes('Probing'))

    session.kill()
    rmSync(join(it.folder, 'fwctl.yaml'))

    const ended = await settled(it, 'rolled-back')
    expect(ended.outcome).toBe('nobody confirmed it in time')
    expect(await rules(it)).toBe(before)
  })

  test('takes nothing back that others have done meanwhile', async () => {
    await using it = await setUp(backend)
    const before = await rules(it)
    const run = (...args: string[]) => it.run(`iptables-${backend}`, args)
    await apply(it, '4s')
    await run('-N', 'DOCKER-USER')
    await run('-I', 'FORWARD', '1', '-j', 'DOCKER-USER')
    await run('-A', 'DOCKER', '-d', '172.17.0.2', '-j', 'ACCEPT')
    await run('-A', 'INPUT', '-s', '192.0.2.7', '-j', 'ACCEPT')

    await settled(it, 'rolled-back')

    await run('-D', 'FORWARD', '-j', 'DOCKER-USER')
    await run('-X', 'DOCKER-USER')
    await run('-D', 'DOCKER', '-d', '172.17.0.2', '-j', 'ACCEPT')
    await run('-D', 'INPUT', '-s', '192.0.2.7', '-j', 'ACCEPT')
    expect(await rules(it)).toBe(before)
  })

  test('comes back also when all chains were flushed meanwhile', async () => {
    await using it = await setUp(backend)
    const before = await rules(it)
    await apply(it, '4s')
    for (const tool of ['iptables', 'ip6tables']) {
      await it.run(`${tool}-${backend}`, ['-F', 'INPUT'])
      await it.run(`${tool}-${backend}`, ['-F', 'WEB'])
    }

    await settled(it, 'rolled-back')

    expect(await rules(it)).toBe(before)
  })
})

test('it is rolled back when fwctl itself is gone by then, with all its modules', async () => {
  await using it = await setUp()
  const before = await rules(it)
  const installed = join(it.folder, 'lib/dist')
  cpSync(join(import.meta.dirname, '../../dist'), installed, { recursive: true })
  const applied = spawnSync(
    process.execPath,
    [
      ...[join(installed, 'main.cjs'), 'apply', '--auto-approve', '--confirm-within', '3s'],
      ...['--netns', it.name, '--backend', 'nft', '--state-dir', it.stateDir],
    ],
    { cwd: it.folder, encoding: 'utf8', env: {} },
  )
  expect(applied).toMatchObject({ status: 0 })
  expect(await rules(it)).toContain('--dport 80')
  rmSync(join(it.folder, 'lib'), { recursive: true })

  await settled(it, 'rolled-back')

  expect(await rules(it)).toBe(before)
})

describe('a change that is confirmed', () => {
  test('stays, and is what the host is held to', async () => {
    await using it = await setUp()
    await apply(it, '3s')
    const applied = await rules(it)
    const { token } = await pendingOf(it)

    expect(await it.fwctl(['confirm', token])).toMatchObject({ code: 0 })

    expect(await pendingOf(it)).toMatchObject({ state: 'confirmed' })
    expect(existsSync(join(stateDir(it).path, 'applied.json'))).toBe(true)
    await sleep(4500)
    expect(await rules(it)).toBe(applied)
    expect(await it.fwctl(['confirm', token])).toMatchObject({ code: 0 })
    expect((await it.fwctl(['apply', '--auto-approve'])).stdout).toContain('No changes.')
  })

  test('needs no token when it is the only one, and none but its own', async () => {
    await using it = await setUp()
    expect(await it.fwctl(['confirm'])).toMatchObject({ code: 1 })
    await apply(it, '60s')
    const wrong = await it.fwctl(['confirm', '00000000'])
    expect(wrong).toMatchObject({ code: 3 })
    expect(wrong.stderr).toContain('Nothing was confirmed.')
    expect(await pendingOf(it)).toMatchObject({ state: 'pending' })
    expect(await it.fwctl(['confirm'])).toMatchObject({ code: 0 })
  })

  test('too late is told so, and what became of it', async () => {
    await using it = await setUp()
    const before = await rules(it)
    await apply(it, '1s')
    const { token } = await settled(it, 'rolled-back')
    const { code, stderr } = await it.fwctl(['confirm', token])
    expect(code).toBe(4)
    expect(stderr).toMatch(/too late to confirm .*rolled back at .*nobody confirmed it in time/)
    expect(await rules(it)).toBe(before)
  })

  test('by a probe, once a new connection succeeds', async () => {
    await using it = await setUp()
    it.write('fwctl.yaml', POLICY.replace('dport: 80', 'dport: 8080'))
    await it.run('ip', ['link', 'set', 'lo', 'up'])
    const server = listen(it, 8080)
    try {
      const { code, stderr } = await apply(it, '20s', '--confirm-probe', 'tcp://127.0.0.1:8080')
      expect({ code, stderr }).toMatchObject({ code: 0 })
      expect(await pendingOf(it)).toMatchObject({
        state: 'confirmed',
        outcome: 'a new connection to tcp://127.0.0.1:8080',
      })
    } finally {
      server.kill()
    }
  })

  test('not by a probe that finds nobody: it is rolled back, exit 4', async () => {
    await using it = await setUp()
    const before = await rules(it)
    const { code } = await apply(it, '2s', '--confirm-probe', 'tcp://127.0.0.1:1')
    expect(code).toBe(4)
    expect(await rules(it)).toBe(before)
  })
})

describe('while a change waits for its confirmation', () => {
  test('another apply is refused, and says what to do', async () => {
    await using it = await setUp()
    await apply(it, '60s')
    const applied = await rules(it)
    it.write('fwctl.yaml', POLICY.replace('dport: 80', 'dport: 81'))
    const { code, stderr } = await it.fwctl(['apply', '--auto-approve'])
    expect(code).toBe(3)
    expect(stderr).toMatch(/fwctl confirm \w+.*fwctl rollback/)
    expect(await rules(it)).toBe(applied)
    await it.fwctl(['confirm'])
  })

  test('rollback takes it back at once', async () => {
    await using it = await setUp()
    const before = await rules(it)
    await apply(it, '60s')
    expect(await it.fwctl(['rollback', '--auto-approve'])).toMatchObject({ code: 0 })
    expect(await rules(it)).toBe(before)
    expect(await pendingOf(it)).toMatchObject({ state: 'rolled-back' })
    expect(await it.fwctl(['apply', '--auto-approve'])).toMatchObject({ code: 0 })
  })

  test('a watchdog that was killed is made up for by whoever comes next', async () => {
    await using it = await setUp()
    const before = await rules(it)
    await apply(it, '1s')
    const { watchdog } = await pendingOf(it)
    if (watchdog?.kind !== 'process') throw new Error('not a process')
    process.kill(watchdog.pid, 'SIGKILL')
    await sleep(1500)
    expect(await rules(it)).not.toBe(before)

    expect(await it.fwctl(['confirm'])).toMatchObject({ code: 4 })

    expect(await rules(it)).toBe(before)
    expect(await pendingOf(it)).toMatchObject({ state: 'rolled-back' })
  })

  test('a damaged or missing record does not stand the watchdog down', async () => {
    await using it = await setUp()
    const before = await rules(it)
    await apply(it, '3s')
    const path = join(stateDir(it).path, 'pending.json')
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, text.replace('"state": "pending"', '"state": "confirmed"'))
    expect(await it.fwctl(['confirm'])).toMatchObject({ code: 3 })

    await until('it is rolled back', async () => (await rules(it)) === before)
  })
})

describe('what is not changed', () => {
  test('a plan without changes leaves nothing to confirm', async () => {
    await using it = await setUp()
    await it.fwctl(['apply', '--auto-approve'])
    const { code, stdout } = await apply(it, '5s')
    expect(code).toBe(0)
    expect(stdout).toContain('No changes.')
    expect(await readPending(stateDir(it))).toBe(undefined)
  })

  test('a time that can not be read changes nothing', async () => {
    await using it = await setUp()
    const before = await rules(it)
    const result = await it.fwctl(['apply', '--auto-approve', '--confirm-within', 'soon'])
    expect(result.code).toBe(64)
    expect(await rules(it)).toBe(before)
  })
})

function listen(it: CliNamespace, port: number): ChildProcess {
  const server = `require('node:net').createServer((socket) => socket.end()).listen(${port}, '127.0.0.1')`
  return spawn('nsenter', [`--net=/run/netns/${it.name}`, process.execPath, '-e', server])
}

test('where the rules can no longer be understood, the tables come back as a whole', async () => {
  await using it = await setUp('nft')
  const before = await rules(it)
  await apply(it, '4s')
  // iptables-save stops at such a rule, with half a dump.
  for (const family of ['ip', 'ip6']) {
    await it.run('nft', ['add', 'rule', family, 'filter', 'INPUT', 'meta', 'skuid', '0', 'accept'])
  }

  const ended = await settled(it, 'rolled-back')

  expect(ended.outcome).toContain('whole tables were loaded from the snapshot')
  expect(await rules(it)).toBe(before)
})

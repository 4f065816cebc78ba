import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Backend } from '../../src/ruleset/model.ts'
import { type CliNamespace, cliNamespace } from './cli-namespace.ts'
import { BACKENDS, withoutCounters } from './namespace.ts'
import { freshWatchdog } from './watchdog-bundle.ts'

const LIVE = `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
-A FORWARD -j DOCKER
-A DOCKER -p tcp -m tcp --dport 8080 -j ACCEPT
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
      WEB: { rules: [{ name: limited, jump: ACCEPT }] }
`

beforeAll(freshWatchdog)

async function setUp(backend: Backend): Promise<CliNamespace> {
  const it = await cliNamespace(backend)
  it.write('fwctl.yaml', POLICY)
  for (const family of ['ipv4', 'ipv6'] as const) await it.load(family, LIVE)
  return it
}

async function rules(it: CliNamespace): Promise<string> {
  return withoutCounters(`${await it.save('ipv4')}${await it.save('ipv6')}`)
}

const lockdown = (it: CliNamespace, ...more: string[]) =>
  it.fwctl(['lockdown', '--auto-approve', ...more])

describe.each(BACKENDS)('lockdown, on %s', (backend) => {
  test('keeps all rules, out of reach, and rollback brings them back', async () => {
    await using it = await setUp(backend)
    await it.fwctl(['apply', '--auto-approve'])
    const before = await rules(it)
    const { code, stderr } = await lockdown(
      it,
      '--allow',
      '203.0.113.0/24',
      '--allow',
      '2001:db8::7',
    )
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const locked = await rules(it)
    expect(locked).toMatch(/-A INPUT -j FWCTL-INPUT\n\S+ -A INPUT -i lo/)
    expect(locked).toContain('-A FWCTL-INPUT -s 203.0.113.0/24 -j ACCEPT')
    expect(locked).toContain('-A FWCTL-OUTPUT -d 2001:db8::7/128 -j ACCEPT')
    for (const line of before.split('\n').filter((line) => line.includes('-A '))) {
      expect(locked).toContain(line)
    }

    expect(await it.fwctl(['rollback', '--auto-approve'])).toMatchObject({ code: 0 })
    expect(await rules(it)).toBe(before)
  })

  test('is lifted by applying the policy again', async () => {
    await using it = await setUp(backend)
    await it.fwctl(['apply', '--auto-approve'])
    const before = await rules(it)
    await lockdown(it, '--allow', '203.0.113.7')
    expect(await it.fwctl(['apply', '--auto-approve'])).toMatchObject({ code: 0 })
    // The jump in OUTPUT and its chain go too, though the policy does not declare OUTPUT.
    expect(await rules(it)).toBe(before)
  })

  test('takes itself back when nobody confirms it', async () => {
    await using it = await setUp(backend)
    const before = await rules(it)
    await lockdown(it, '--allow', '203.0.113.7', '--confirm-within', '1s')
    expect(await rules(it)).not.toBe(before)
    for (let left = 100; left > 0 && (await rules(it)) !== before; left--) await sleep(100)
    expect(await rules(it)).toBe(before)
  })
})

describe.each(BACKENDS)('clear, on %s', (backend) => {
  test("removes what is ours, and nothing of other tools'", async () => {
    await using it = await setUp(backend)
    const before = await rules(it)
    await it.fwctl(['apply', '--auto-approve'])
    const applied = await rules(it)
    expect(await it.fwctl(['clear', '--auto-approve'])).toMatchObject({ code: 0 })
    expect(await rules(it)).toBe(before)

    expect(await it.fwctl(['rollback', '--auto-approve'])).toMatchObject({ code: 0 })
    expect(await rules(it)).toBe(applied)
  })

  test('after a lockdown removes both', async () => {
    await using it = await setUp(backend)
    const before = await rules(it)
    await it.fwctl(['apply', '--auto-approve'])
    await lockdown(it, '--allow', '203.0.113.7')
    await lockdown(it, '--allow', '203.0.113.8')
    expect(await it.fwctl(['clear', '--auto-approve'])).toMatchObject({ code: 0 })
    expect(await rules(it)).toBe(before)
  })

  test('in mode hooks leaves the built-in chains to others', async () => {
    await using it = await setUp(backend)
    await it.run(`iptables-${backend}`, ['-A', 'INPUT', '-s', '10.0.0.1', '-j', 'DROP'])
    const before = await rules(it)
    it.write('fwctl.yaml', `${POLICY}ownership: { mode: hooks }\n`)
    expect(await it.fwctl(['apply', '--auto-approve'])).toMatchObject({ code: 0 })
    expect(await it.fwctl(['clear', '--auto-approve'])).toMatchObject({ code: 0 })
    expect(await rules(it)).toBe(before)
  })

  test('--all empties the tables, whoever filled them', async () => {
    await using it = await setUp(backend)
    await it.run(`iptables-${backend}`, ['-P', 'INPUT', 'DROP'])
    expect(await it.fwctl(['clear', '--all', '--auto-approve'])).toMatchObject({ code: 0 })
    expect(await rules(it)).not.toMatch(/DROP|DOCKER|-A /)
  })

  test('of a host where nothing was applied changes nothing', async () => {
    await using it = await setUp(backend)
    const before = await rules(it)
    const { code, stdout } = await it.fwctl(['clear', '--auto-approve'])
    expect(code).toBe(0)
    expect(stdout).toContain('No changes.')
    expect(await rules(it)).toBe(before)
  })
})

describe('who may still get in', () => {
  test('is the peer of the ssh session when nobody is named', async () => {
    await using it = await setUp('nft')
    const env = { SSH_CONNECTION: '2001:db8::5 50000 2001:db8::1 22' }
    const { code } = await it.fwctl(['lockdown', '--auto-approve'], { env })
    expect(code).toBe(0)
    expect(await rules(it)).toContain('-A FWCTL-INPUT -s 2001:db8::5/128 -j ACCEPT')
  })

  test.each([
    ['nobody is named and no session is known', []],
    ['it is no address', ['--allow', 'office']],
    ['it is written in a way that iptables reads as octal', ['--allow', '010.0.0.1']],
    ['the prefix is too long', ['--allow', '10.0.0.0/33']],
    ['it is everybody', ['--allow', '0.0.0.0/0']],
    ['it would be another option', ['--allow', '10.0.0.1 -j ACCEPT']],
  ])('has to be said: %s', async (_, more) => {
    await using it = await setUp('nft')
    const before = await rules(it)
    expect(await lockdown(it, ...more)).toMatchObject({ code: 64 })
    expect(await rules(it)).toBe(before)
  })
})

test('under a lockdown only the allowed get a connection, and what is established stays', async () => {
  await using it = await setUp('nft')
  const names = { client: `${it.name}-c`, stranger: `${it.name}-s` }
  await using _ = await network(it, names)
  // The kernel follows connections from the first rule on that asks about them.
  await it.run('iptables-nft', ['-A', 'INPUT', '-m', 'conntrack', '--ctstate', 'NEW'])
  const server = inNamespace(
    it.name,
    "require('node:net').createServer((s) => s.pipe(s)).listen(7000, '0.0.0.0')",
  )
  try {
    await retry(() => connects(names.stranger, '10.77.2.1'))
    const kept = inNamespace(
      names.stranger,
      `const s = require('node:net').connect(7000, '10.77.2.1', () => process.stdout.write('open\\n'))
       process.stdin.on('data', (d) => s.write(d)); s.on('data', (d) => process.stdout.write(d))`,
    )
    await said(kept, 'open')
    await lockdown(it, '--allow', '10.77.1.2')

    expect(await connects(names.client, '10.77.1.1')).toBe(true)
    expect(await connects(names.stranger, '10.77.2.1')).toBe(false)
    kept.stdin?.write('still here\n')
    await said(kept, 'still here')
    kept.kill()
  } finally {
    server.kill()
  }
})

/** Two neighbours of the namespace, each on a link of its own. */
async function network(
  it: CliNamespace,
  names: { readonly client: string; readonly stranger: string },
): Promise<AsyncDisposable> {
  const ip = (...args: string[]) => run('ip', args)
  await it.run('ip', ['link', 'set', 'lo', 'up'])
  for (const [index, name] of [names.client, names.stranger].entries()) {
    const net = index + 1
    await ip('netns', 'add', name)
    await ip('-n', it.name, 'link', 'add', `v${net}`, 'type', 'veth', 'peer', 'e0', 'netns', name)
    await ip('-n', it.name, 'addr', 'add', `10.77.${net}.1/24`, 'dev', `v${net}`)
    await ip('-n', it.name, 'link', 'set', `v${net}`, 'up')
    await ip('-n', name, 'addr', 'add', `10.77.${net}.2/24`, 'dev', 'e0')
    await ip('-n', name, 'link', 'set', 'e0', 'up')
  }
  return {
    [Symbol.asyncDispose]: async () => {
      await ip('netns', 'del', names.client)
      await ip('netns', 'del', names.stranger)
    },
  }
}

function inNamespace(name: string, script: string): ChildProcess {
  return spawn('nsenter', [`--net=/run/netns/${name}`, process.execPath, '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
}

async function connects(from: string, to: string): Promise<boolean> {
  const script = `
    const s = require('node:net').connect({ port: 7000, host: '${to}' }, () => process.exit(0))
    s.on('error', () => process.exit(1)); setTimeout(() => process.exit(1), 1500)`
  const child = inNamespace(from, script)
  return new Promise((resolve) => child.once('exit', (code) => resolve(code === 0)))
}

async function retry(works: () => Promise<boolean>): Promise<void> {
  for (let left = 50; left > 0; left--) {
    if (await works()) return
    await sleep(100)
  }
  throw new Error('it never worked')
}

async function said(child: ChildProcess, words: string): Promise<void> {
  let text = ''
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not said: ${words}`)), 10_000)
    child.stdout?.on('data', (chunk) => {
      text += chunk
      if (!text.includes(words)) return
      clearTimeout(timer)
      resolve()
    })
  })
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: 'inherit' })
  const status = await new Promise((resolve) => child.once('exit', resolve))
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${status}`)
}

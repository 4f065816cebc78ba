import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Backend } from '../../src/ruleset/model.ts'
import type { CliResult, runCli } from '../cli/run-cli.ts'
import { type CliNamespace, cliNamespace } from './cli-namespace.ts'
import { BACKENDS, withoutCounters } from './namespace.ts'
import { freshWatchdog } from './watchdog-bundle.ts'

const POLICY = `apiVersion: fwctl/v1
families: [ipv4]
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

interface Line {
  readonly event: string
  readonly level: number
  readonly time: number
  readonly msg: string
  readonly [field: string]: unknown
}

interface Watch {
  readonly lines: () => readonly Line[]
  readonly seen: (event: string, count?: number) => Promise<Line>
  readonly stop: () => Promise<CliResult>
}

function startWatch(
  it: CliNamespace,
  argv: readonly string[] = [],
  options: Parameters<typeof runCli>[1] = {},
): Watch {
  let text = ''
  let interrupt: () => void = () => undefined
  const stderr = new Writable({
    write(chunk, _encoding, done) {
      text += chunk
      done()
    },
  })
  const ended = it.fwctl(['watch', ...argv], {
    stderr,
    onInterrupt: (listener) => {
      interrupt = listener
      return () => undefined
    },
    ...options,
  })
  const lines = (): Line[] =>
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  return {
    lines,
    seen: async (event, count = 1) => {
      for (let left = 200; left > 0; left--) {
        const found = lines().filter((line) => line.event === event)
        if (found[count - 1]) return found[count - 1] as Line
        await sleep(100)
      }
      throw new Error(`no ${event} (${count}): ${text}`)
    },
    stop: async () => {
      interrupt()
      return ended
    },
  }
}

async function applied(backend: Backend = 'nft', policy: string = POLICY): Promise<CliNamespace> {
  const it = await cliNamespace(backend)
  it.write('fwctl.yaml', policy)
  expect(await it.fwctl(['apply', '--auto-approve'])).toMatchObject({ code: 0 })
  return it
}

async function rules(it: CliNamespace): Promise<string> {
  return withoutCounters(await it.save('ipv4'))
}

/** How long it takes until the rules are these, in milliseconds. */
async function repairTime(it: CliNamespace, wanted: string): Promise<number> {
  const started = performance.now()
  while ((await rules(it)) !== wanted) {
    if (performance.now() - started > 10_000) throw new Error('not repaired')
    await sleep(10)
  }
  return performance.now() - started
}

describe.each(BACKENDS)('watch, on %s', (backend) => {
  test('repairs a flush, and tells what it did', async () => {
    await using it = await applied(backend)
    const wanted = await rules(it)
    const watch = startWatch(it)
    await watch.seen('started')
    await sleep(1500)
    await it.run(`iptables-${backend}`, ['-F', 'INPUT'])
    const flushed = Date.now()

    const time = await repairTime(it, wanted)

    const drift = await watch.seen('drift')
    const notice = drift.time - flushed
    console.log(`${backend}: noticed after ${notice} ms, repaired after ${Math.round(time)} ms`)
    expect(drift).toMatchObject({
      level: 40,
      cause: 'change',
      parts: ['ipv4 filter INPUT'],
      changes: 2,
    })
    expect(await watch.seen('repaired')).toMatchObject({ parts: ['ipv4 filter INPUT'] })
    expect(await watch.stop()).toMatchObject({ code: 0 })
    expect(watch.lines().at(-1)).toMatchObject({ event: 'stopped' })
  })

  test('leaves alone what others do in their own chains', async () => {
    await using it = await applied(backend)
    const watch = startWatch(it)
    await watch.seen('started')
    const run = (...args: string[]) => it.run(`iptables-${backend}`, args)
    await run('-N', 'DOCKER')
    await run('-A', 'FORWARD', '-j', 'DOCKER')
    await run('-A', 'DOCKER', '-j', 'RETURN')
    await run('-t', 'nat', '-A', 'POSTROUTING', '-j', 'MASQUERADE')
    const before = await rules(it)
    await sleep(2500)
    expect(await rules(it)).toBe(before)
    expect(watch.lines().map((line) => line.event)).toEqual(['started'])
    await watch.stop()
  })

  test('notices a fight over a chain, leaves that chain alone and repairs others', async () => {
    await using it = await applied(backend)
    const wanted = await rules(it)
    const watch = startWatch(it, ['--fight-limit', '2'])
    await watch.seen('started')
    // The other tool: whenever its rule is gone, it puts it back.
    let isOver = false
    const rival = (async () => {
      while (!isOver) {
        if (!(await rules(it)).includes('10.66.0.1')) {
          await it.run(`iptables-${backend}`, ['-I', 'WEB', '-s', '10.66.0.1', '-j', 'DROP'])
        }
        await sleep(100)
      }
    })()
    const fight = await watch.seen('fight')
    expect(fight).toMatchObject({ level: 50, part: 'ipv4 filter WEB' })
    expect(watch.lines().filter((line) => line.event === 'repaired')).toHaveLength(2)

    await it.run(`iptables-${backend}`, ['-F', 'INPUT'])
    await watch.seen('repaired', 3)
    expect(await rules(it)).toContain('10.66.0.1')
    expect((await rules(it)).replace(/.*10\.66\.0\.1.*\n/, '')).toBe(wanted)
    isOver = true
    await rival
    await watch.stop()
  })
})

describe('watch keeps its hands off', () => {
  test('while it is paused, and repairs when that is over', async () => {
    await using it = await applied()
    const wanted = await rules(it)
    await it.fwctl(['pause', '--reason', 'an experiment'])
    const watch = startWatch(it)
    await watch.seen('started')
    await it.run('iptables-nft', ['-F', 'INPUT'])
    expect(await watch.seen('held-back')).toMatchObject({ reason: 'paused' })
    await sleep(1200)
    expect(await rules(it)).not.toBe(wanted)

    await it.fwctl(['resume'])
    await watch.seen('repaired')
    expect(await rules(it)).toBe(wanted)
    expect(watch.lines().map((line) => line.event)).toEqual([
      'started',
      'drift',
      'held-back',
      'resumed',
      'repaired',
    ])
    await watch.stop()
  })

  test('while a file says so', async () => {
    await using it = await applied()
    const file = join(it.folder, 'hands-off')
    writeFileSync(file, '')
    await it.run('iptables-nft', ['-F', 'INPUT'])
    const once = ['--once', '--pause-file', 'hands-off']
    expect(await it.fwctl(['watch', ...once])).toMatchObject({ code: 2 })
    rmSync(file)
    expect(await it.fwctl(['watch', ...once])).toMatchObject({ code: 0 })
    expect((await it.fwctl(['plan'])).stdout).toContain('No changes.')
  })

  test('outside of its window, and inside of maintenance', async () => {
    await using it = await applied()
    await it.run('iptables-nft', ['-F', 'INPUT'])
    const at = (time: string) => ({ now: () => new Date(`2026-11-23T${time}`) })
    const once = (options: string[], time: string) =>
      it.fwctl(['watch', '--once', ...options], at(time))
    expect(await once(['--window', 'Mon-Fri 08:00-18:00'], '18:00:00')).toMatchObject({ code: 2 })
    expect(await once(['--maintenance', 'Mon 08:00-18:00'], '17:59:00')).toMatchObject({ code: 2 })
    expect(await once(['--window', 'Mon-Fri 08:00-18:00'], '17:59:00')).toMatchObject({ code: 0 })
  })

  test('while a change waits for its confirmation', async () => {
    await using it = await applied()
    const watch = startWatch(it)
    await watch.seen('started')
    it.write('fwctl.yaml', POLICY.replace('dport: 80', 'dport: 81'))
    await it.fwctl(['apply', '--auto-approve', '--confirm-within', '60s'])
    expect(await watch.seen('held-back')).toMatchObject({ reason: 'pending' })
    await sleep(1200)
    expect(await rules(it)).toContain('--dport 81')
    await it.fwctl(['confirm'])
    await sleep(2500)
    expect(await rules(it)).toContain('--dport 81')
    expect(watch.lines().map((line) => line.event)).not.toContain('repaired')
    await watch.stop()
  })
})

test('watch removes a rule whose time is over', async () => {
  await using it = await applied(
    'nft',
    POLICY.replace('dport: 80,', 'dport: 80, expires: "2099-01-01T00:00:00Z",'),
  )
  let now = new Date('2098-12-31T23:59:58Z').getTime()
  const started = Date.now()
  const watch = startWatch(it, [], { now: () => new Date(now + Date.now() - started) })
  await watch.seen('started')
  await sleep(500)
  expect(await rules(it)).toContain('--dport 80')

  expect(await watch.seen('drift')).toMatchObject({ cause: 'expiry', expired: 1, level: 30 })
  await watch.seen('repaired')
  expect(await rules(it)).not.toContain('--dport 80')
  expect(await rules(it)).toContain('-i lo ')
  now = 0
  await watch.stop()
})

test('watch POLICY holds the host to the policy as it is by now', async () => {
  await using it = await applied()
  it.write('fwctl.yaml', POLICY.replace('dport: 80', 'dport: 81'))
  expect(await it.fwctl(['watch', '--once', 'fwctl.yaml'])).toMatchObject({ code: 0 })
  expect(await rules(it)).toContain('--dport 81')
  expect(await it.fwctl(['drift'])).toMatchObject({ code: 0 })
})

test('watch without anything applied says so', async () => {
  await using it = await cliNamespace('nft')
  const { code, stderr } = await it.fwctl(['watch', '--once'])
  expect(code).toBe(64)
  expect(stderr).toContain('fwctl watch POLICY')
})

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { readApplied } from '../../src/host/applied.ts'
import { detectBackend, requireTools } from '../../src/host/backend.ts'
import { readLive } from '../../src/host/live.ts'
import { localExecutor } from '../../src/host/local-executor.ts'
import { takeLock } from '../../src/host/lock.ts'
import { netnsExecutor, requireNamespace } from '../../src/host/netns-executor.ts'
import { BACKENDS, KERNELS, scratchNamespace, withoutTimes } from './namespace.ts'
import { type Workbench, workbench } from './workbench.ts'

const local = localExecutor()
const directory = mkdtempSync(join(tmpdir(), 'fwctl-test-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('running a program', () => {
  test('gives it a fixed environment and nothing of the caller', async () => {
    process.env.XTABLES_LIBDIR = '/tmp/evil'
    const { stdout } = await local.run({ program: 'env', args: [], timeoutMs: 5000 })
    delete process.env.XTABLES_LIBDIR
    expect(stdout.split('\n').sort()).toEqual([
      '',
      'LC_ALL=C',
      'PATH=/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin:/usr/local/bin',
    ])
  })

  test('finds it in the system directories only, whatever the caller has in PATH', async () => {
    const before = process.env.PATH
    process.env.PATH = directory
    execFileSync('/usr/bin/install', ['-m', '755', '/bin/true', join(directory, 'only-here')])
    try {
      expect(await local.find('cat')).toBe('/usr/bin/cat')
      expect(await local.find('only-here')).toBeUndefined()
      await expect(
        local.run({ program: 'only-here', args: [], timeoutMs: 5000 }),
      ).rejects.toMatchObject({ code: 'missing-program' })
    } finally {
      process.env.PATH = before
    }
  })

  test('passes bytes through that are not UTF-8, both ways', async () => {
    const bytes = 'caf\udcc3 \udcff ☂ \udc80'
    const { stdout } = await local.run({ program: 'cat', args: [], input: bytes, timeoutMs: 5000 })
    expect(stdout).toBe(bytes)
    const { stdout: dump } = await local.run({
      program: 'od',
      args: ['-An', '-tx1'],
      input: '\udcff',
      timeoutMs: 5000,
    })
    expect(dump.trim()).toBe('ff')
  })

  test('ends it at its time limit, and on a signal', async () => {
    const sleep = { program: 'sleep', args: ['60'] }
    await expect(local.run({ ...sleep, timeoutMs: 50 })).rejects.toMatchObject({
      code: 'command-failed',
    })
    const stop = new AbortController()
    setTimeout(() => stop.abort(), 50)
    await expect(
      local.run({ ...sleep, timeoutMs: 60_000, signal: stop.signal }),
    ).rejects.toMatchObject({ code: 'cancelled' })
  })

  test('what it creates is private', async () => {
    const path = join(directory, 'private')
    await local.run({ program: 'touch', args: [path], timeoutMs: 5000 })
    const { stdout } = await local.run({
      program: 'stat',
      args: ['-c', '%a', path],
      timeoutMs: 5000,
    })
    expect(stdout).toBe('600\n')
  })
})

describe('the lock', () => {
  test('is for one at a time, and the next gets it when it is released', async () => {
    const path = join(directory, 'lock')
    const first = await takeLock(local, path, { waitMs: 100 })
    await expect(takeLock(local, path, { waitMs: 100 })).rejects.toMatchObject({
      code: 'lock-busy',
    })
    const waiting = takeLock(local, path, { waitMs: 10_000 })
    await first.release()
    await (await waiting).release()
  })

  test('survives the signal that ended a wait for it: undoing still needs it', async () => {
    const path = join(directory, 'lock')
    const stop = new AbortController()
    const first = await takeLock(local, path, { waitMs: 100, signal: stop.signal })
    const waiting = takeLock(local, path, { waitMs: 60_000, signal: stop.signal })
    setTimeout(() => stop.abort(), 50)
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' })
    await expect(takeLock(local, path, { waitMs: 200 })).rejects.toMatchObject({
      code: 'lock-busy',
    })
    await first.release()
  })

  test('is gone with the process that took it, even by SIGKILL', async () => {
    const path = join(directory, 'lock')
    const script = `
      const { localExecutor } = await import(${JSON.stringify(source('local-executor.ts'))})
      const { takeLock } = await import(${JSON.stringify(source('lock.ts'))})
      await takeLock(localExecutor(), ${JSON.stringify(path)}, { waitMs: 1000 })
      process.kill(process.pid, 'SIGKILL')`
    const died = await local.run({
      program: process.execPath,
      args: ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', script],
      timeoutMs: 60_000,
    })
    expect(died.signal).toBe('SIGKILL')
    await (await takeLock(local, path, { waitMs: 5000 })).release()
  })
})

describe('a named network namespace', () => {
  test('is entered for every program, and one that is not there is a usage error', async () => {
    const name = `fwctl-test-${process.pid}`
    const netns = (verb: string) =>
      local.run({ program: 'ip', args: ['netns', verb, name], timeoutMs: 10_000 })
    await netns('add')
    try {
      await requireNamespace(local, name)
      const inside = netnsExecutor(local, { kind: 'name', name })
      const backend = await detectBackend(inside, 'nft')
      const { restore } = requireTools(backend, 'ipv4')
      const input = '*filter\n-A INPUT -j ACCEPT\nCOMMIT\n'
      await inside.run({ program: restore, args: [], input, timeoutMs: 5000 })

      const live = await readLive(inside, backend, { families: ['ipv4'] })
      expect(live.ipv4?.text).toContain('-A INPUT -j ACCEPT')
      expect(inside.stateKey).toBe(`netns-${name}`)
    } finally {
      await netns('delete')
    }
    await expect(requireNamespace(local, name)).rejects.toMatchObject({ code: 'usage' })
  })

  test.each(['../../proc/1/ns/net', '..', 'a b', ''])('"%s" can not be its name', async (name) => {
    await expect(requireNamespace(local, name)).rejects.toMatchObject({ code: 'usage' })
    expect(() => netnsExecutor(local, { kind: 'name', name })).toThrow('can not be the name')
  })
})

test.each(BACKENDS)('the %s back end is found for both families', async (backend) => {
  const found = await detectBackend(local, backend)
  expect(found.missing).toEqual({})
  expect(found.families).toMatchObject({
    ipv4: { dialect: { family: 'ipv4', backend }, save: `/usr/sbin/iptables-${backend}-save` },
    ipv6: { dialect: { family: 'ipv6', backend }, save: `/usr/sbin/ip6tables-${backend}-save` },
  })
})

describe.each(KERNELS)('the live rules of %s, %s', (backend, family) => {
  test('are those that iptables-save prints, word for word', async () => {
    await using scratch = await scratchNamespace()
    await scratch.load(backend, family, '*filter\n:A - [0:0]\n[1:2] -A A -j ACCEPT\nCOMMIT\n')
    const tools = await detectBackend(scratch.executor, backend)

    const live = await readLive(scratch.executor, tools, { families: [family] })

    expect(withoutTimes(live[family]?.text ?? '')).toBe(await scratch.save(backend, family))
    expect(live[family]?.dialect).toMatchObject({ family, backend })
    const filter = live[family]?.ruleset.tables.find((table) => table.name === 'filter')
    expect(filter?.chains.map((chain) => chain.name)).toEqual(['INPUT', 'FORWARD', 'OUTPUT', 'A'])
  })

  test('of a virgin kernel are no tables, and reading makes none', async () => {
    await using scratch = await scratchNamespace()
    const tools = await detectBackend(scratch.executor, backend)
    const live = await readLive(scratch.executor, tools, { families: [family] })
    expect(live[family]?.ruleset.tables).toEqual([])
    expect(await scratch.save(backend, family)).toBe('')
  })
})

describe('rules that nft made in a table of iptables', () => {
  const table = ['list', 'table', 'ip', 'filter']
  const GOAL = '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n'

  async function withNative(rule: readonly string[]) {
    const bench = await workbench('nft')
    await bench.load('ipv4', '*filter\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\nCOMMIT\n')
    await bench.scratch.run('nft', ['add', 'rule', 'ip', 'filter', ...rule])
    return bench
  }

  test.each([
    [['INPUT', 'log', 'prefix', 'native']],
    [['INPUT', 'meta', 'skuid', '0', 'accept']],
    [['INPUT', 'ct', 'state', 'established', 'accept']],
  ])('that it can not print (%j) make the live state unreadable, never empty', async (rule) => {
    await using bench = await withNative(rule)
    const before = await bench.scratch.run('nft', table)
    await expect(bench.planTo({ ipv4: `${GOAL}COMMIT\n` })).rejects.toMatchObject({
      code: 'live-unreadable',
    })
    expect(await bench.scratch.run('nft', table)).toBe(before)
  })

  test.each([
    [['INPUT', 'tcp', 'dport', '{ 80, 443 }', 'accept']],
    [['INPUT', 'ip', 'saddr', '10.0.0.1-10.0.0.9', 'accept']],
    [['INPUT', 'udp', 'dport', 'vmap', '{ 5 : drop }']],
  ])('that it misprints (%j) are not edited, for there would be no way back', async (rule) => {
    await using bench = await withNative(rule)
    const before = await bench.scratch.run('nft', table)
    const plan = await bench.planTo({ ipv4: `${GOAL}-A INPUT -j DROP\nCOMMIT\n` })

    await expect(bench.apply(plan)).rejects.toMatchObject({ code: 'refused' })

    expect(await bench.scratch.run('nft', table)).toBe(before)
  })

  /** The workbench's executor, and the chains that nft was asked about. */
  function watching({ scratch: { executor } }: Workbench) {
    const asked: string[] = []
    const run: typeof executor.run = (command) => {
      if (command.program === 'nft') asked.push(command.args.join(' '))
      return executor.run(command)
    }
    return { asked, executor: { ...executor, run } }
  }

  test('are looked for again only in chains that are not as the last apply has left them', async () => {
    await using bench = await workbench('nft')
    const { asked, executor } = watching(bench)
    const applyTo = async (...rules: readonly string[]): Promise<number> => {
      const lines = rules.map((rule) => `-A INPUT ${rule}\n`).join('')
      await bench.apply(await bench.planTo({ ipv4: `${GOAL}${lines}COMMIT\n` }), { executor })
      return asked.splice(0).length
    }
    await bench.load('ipv4', '*filter\n-A INPUT -p tcp -j ACCEPT\nCOMMIT\n')
    expect(await applyTo('-p tcp -j ACCEPT', '-s 192.0.2.1/32 -j DROP')).toBe(1)
    expect(await applyTo('-p tcp -j ACCEPT', '-s 192.0.2.2/32 -j DROP')).toBe(0)
    await bench.load('ipv4', '*filter\n-I INPUT -p udp -j ACCEPT\nCOMMIT\n')
    expect(await applyTo('-p tcp -j ACCEPT')).toBe(1)
    expect(await applyTo('-p tcp -j DROP')).toBe(0)

    const native = ['add', 'rule', 'ip', 'filter', 'INPUT', 'tcp', 'dport', '{ 80, 443 }', 'accept']
    await bench.scratch.run('nft', native)
    await expect(applyTo('-p udp -j DROP')).rejects.toMatchObject({ code: 'refused' })
    expect(await bench.scratch.run('nft', table)).toContain('tcp dport { 80, 443 }')
  })

  test('are not taken to be absent where nft could not be asked', async () => {
    await using bench = await workbench('nft')
    const { executor } = bench.scratch
    const find: typeof executor.find = async (name) =>
      name === 'nft' ? undefined : executor.find(name)
    const without = { ...executor, find }
    await bench.load('ipv4', '*filter\n-A INPUT -j DROP\nCOMMIT\n')
    const goal = `${GOAL}:A - [0:0]\n-A INPUT -j ACCEPT\n-A A -j DROP\nCOMMIT\n`
    await bench.apply(await bench.planTo({ ipv4: goal }), { executor: without })
    // What is in the new chain was put there by fwctl.
    expect((await readApplied(bench.stateDir))?.families.ipv4?.plain).toEqual({ filter: ['A'] })
  })

  test('do not stand in the way of edits in other chains', async () => {
    await using bench = await withNative(['INPUT', 'tcp', 'dport', '{ 80, 443 }', 'accept'])
    const saved = await bench.save('ipv4')
    const plan = await bench.planTo({
      ipv4: saved.replace('COMMIT', '-A OUTPUT -j ACCEPT\nCOMMIT'),
    })
    expect(await bench.apply(plan)).toMatchObject({ kind: 'applied' })
    expect(await bench.scratch.run('nft', table)).toContain('tcp dport { 80, 443 }')
  })
})

function source(file: string): string {
  return join(import.meta.dirname, '../../src/host', file)
}

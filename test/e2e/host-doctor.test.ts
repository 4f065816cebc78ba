import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FwctlError } from '../../src/base/error.ts'
import { type Check, examineHost } from '../../src/host/doctor.ts'
import type { Executor } from '../../src/host/executor.ts'
import { BACKENDS, type Scratch, scratchNamespace } from './namespace.ts'

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fwctl-test-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

async function examine(executor: Executor, backend: 'nft' | 'legacy' = 'nft') {
  const checks = await examineHost(executor, { backend, stateDir: join(root, 'state') })
  return (name: string): Check | undefined => checks.find((check) => check.name === name)
}

test.each(BACKENDS)(
  'a host that has everything is well (%s), and nothing on it changes',
  async (backend) => {
    await using scratch = await scratchNamespace()
    const checks = await examineHost(scratch.executor, { backend, stateDir: join(root, 'state') })
    expect(checks.filter((check) => check.status !== 'ok')).toEqual([])
    for (const family of ['ipv4', 'ipv6'] as const) {
      expect(await scratch.save('nft', family)).toBe('')
      expect(await scratch.save('legacy', family)).toBe('')
    }
  },
)

test('rules in both back ends are pointed out', async () => {
  await using scratch = await scratchNamespace()
  for (const backend of BACKENDS) await load(scratch, backend)
  for (const backend of BACKENDS) {
    const check = (await examine(scratch.executor, backend))('mixed back ends')
    expect(check).toMatchObject({ status: 'warn', detail: expect.stringContaining('ipv6') })
  }
})

test('rules that nft made are pointed out', async () => {
  await using scratch = await scratchNamespace()
  await load(scratch, 'nft')
  await scratch.run('nft', [
    'add',
    'rule',
    'ip',
    'filter',
    'INPUT',
    'tcp',
    'dport',
    '{ 1, 2 }',
    'drop',
  ])
  const check = (await examine(scratch.executor))('native rules')
  expect(check).toMatchObject({ status: 'warn', detail: expect.stringContaining('filter INPUT') })
})

test('what is missing is named, with the package that brings it', async () => {
  await using scratch = await scratchNamespace()
  const { executor } = scratch
  const missing = ['ipset', 'flock', 'ip6tables-nft-save', 'ip6tables-save', 'unshare']
  const check = await examine({
    ...executor,
    find: async (program) => (missing.includes(program) ? undefined : executor.find(program)),
    hold: (command) =>
      missing.includes(command.program)
        ? Promise.reject(new FwctlError('missing-program', 'unshare is not installed.'))
        : executor.hold(command),
  })
  expect(check('ipset')).toMatchObject({ status: 'warn', remedy: 'install ipset' })
  expect(check('flock')).toMatchObject({ status: 'fail', remedy: 'install util-linux' })
  expect(check('ip6tables')).toMatchObject({ status: 'fail' })
  expect(check('iptables')).toMatchObject({ status: 'ok' })
  expect(check('rehearsal')).toMatchObject({ status: 'warn', detail: 'unshare is not installed.' })
})

test('without root it says so', async () => {
  await using scratch = await scratchNamespace()
  const { executor } = scratch
  const check = await examine({
    ...executor,
    run: (command) =>
      executor.run({
        ...command,
        program: 'setpriv',
        args: ['--reuid=65534', '--clear-groups', command.program, ...command.args],
      }),
  })
  expect(check('rights')).toMatchObject({ status: 'fail' })
  expect(check('live rules')).toMatchObject({ status: 'fail', remedy: 'run fwctl as root' })
})

async function load(scratch: Scratch, backend: 'nft' | 'legacy'): Promise<void> {
  for (const family of ['ipv4', 'ipv6'] as const) {
    await scratch.load(backend, family, '*filter\n-A INPUT -j ACCEPT\nCOMMIT\n')
  }
}

import { expect, test } from 'vitest'
import { IPTables } from '../../../src/host/iptables/client.ts'
import { FakeIPTables } from '../../../src/host/iptables/fake.ts'
import { featuresOf } from '../../../src/host/iptables/program.ts'
import { iptablesReason } from '../../../src/host/iptables/reason.ts'
import { FAMILIES } from '../../../src/ruleset/model.ts'

const LIVE = `*filter
:INPUT DROP [1:2]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:WEB - [0:0]
[3:4] -A INPUT -j WEB
[0:0] -A WEB -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`

test('a fake starts with the rules it is given, and shows what became of them', async () => {
  const ipt = await FakeIPTables.create({ live: LIVE })
  expect(ipt.dump()).toBe(LIVE.replace(':WEB - [0:0]', ':WEB - [0:0]'))
  await ipt.append('filter', 'WEB', '-p tcp --dport https -j ACCEPT')
  expect(ipt.dump()).toContain('[0:0] -A WEB -p tcp -m tcp --dport 443 -j ACCEPT\n')
  expect(ipt.commands).toHaveLength(1)
})

test.each(['nft', 'legacy'] as const)(
  'a fake of %s fails when it is told to, once',
  async (backend) => {
    const ipt = await FakeIPTables.create({ backend, live: LIVE })
    ipt.failNext('lock-busy')
    ipt.failNext('permission', 'OUTPUT')
    const failed = ipt.append('filter', 'INPUT', '-j ACCEPT')
    await expect(failed).rejects.toMatchObject({ code: 'lock-busy' })
    await ipt.append('filter', 'INPUT', '-j ACCEPT')
    const denied = ipt.transaction((tx) => tx.append('filter', 'OUTPUT', '-j ACCEPT'))
    await expect(denied).rejects.toMatchObject({ code: 'no-permission' })
    await ipt.append('filter', 'OUTPUT', '-j ACCEPT')
  },
)

test('a thousand calls in a transaction are one command', async () => {
  const ipt = await FakeIPTables.create()
  await ipt.transaction((tx) => {
    tx.newChain('filter', 'BAN')
    for (let i = 0; i < 1000; i++)
      tx.append('filter', 'BAN', `-s 10.0.${i >> 8}.${i & 255} -j DROP`)
  })
  expect(ipt.commands).toHaveLength(1)
  expect(await ipt.list('filter', 'BAN')).toHaveLength(1001)
})

test.each([
  ['nft', 'chain-exists'],
  ['legacy', 'chain-not-empty'],
] as const)(
  'whether a chain can go is asked at the end on nft, and at once on legacy (%s: %s)',
  async (backend, reason) => {
    const ipt = await FakeIPTables.create({ backend, live: LIVE })
    const failed = ipt.transaction((tx) => {
      tx.newChain('filter', 'OTHER')
      tx.append('filter', 'OTHER', '-j ACCEPT')
      tx.deleteChain('filter', 'OTHER')
      tx.newChain('filter', 'WEB')
    })
    expect(iptablesReason(await failed.catch((error: unknown) => error))).toBe(reason)
    expect(ipt.dump()).toBe(LIVE)
  },
)

test('an old version is asked in words it knows, under a lock that is taken for it', async () => {
  const ipt = await FakeIPTables.create({ backend: 'legacy', version: [1, 4, 10], live: LIVE })
  expect(await ipt.exists('filter', 'WEB', '-p tcp --dport http -j ACCEPT')).toBe(true)
  expect(await ipt.exists('filter', 'WEB', '-p tcp --dport http')).toBe(false)
  expect(await ipt.exists('filter', 'WEB', '-m nomatch')).toBe(false)
  await ipt.deleteChain('filter', 'MISSING').catch((e) => {
    expect(iptablesReason(e)).toBe('chain-not-found')
  })
  expect(ipt.commands).not.toHaveLength(0)
  for (const [program, ...args] of ipt.commands) {
    expect(program).toBe('flock')
    expect(args.slice(0, 6)).toEqual([
      ...['--wait', '10', '--conflict-exit-code', '4'],
      ...['/run/xtables.lock', '/usr/sbin/iptables'],
    ])
    expect(args.slice(6)).not.toContain('--wait')
    expect(args).not.toContain('-C')
  }
})

test('what a version can do follows from its number', () => {
  expect(featuresOf([1, 4, 10])).toMatchObject({ check: false, wait: false, waitSeconds: false })
  expect(featuresOf([1, 4, 11])).toMatchObject({ check: true, wait: false })
  expect(featuresOf([1, 4, 20])).toMatchObject({ wait: true, waitSeconds: false })
  expect(featuresOf([1, 6, 0])).toMatchObject({ waitSeconds: true, randomFully: false })
  expect(featuresOf([1, 6, 2])).toMatchObject({ randomFully: true, restoreWait: true })
  expect(featuresOf([2, 0, 0])).toMatchObject({ check: true, wait: true, randomFully: true })
})

test.each([
  ['iptables v1.8.9 (nf_tables)', 'nft', [1, 8, 9]],
  ['iptables v1.8.10 (legacy)', 'legacy', [1, 8, 10]],
  ['iptables v1.4.21', 'legacy', [1, 4, 21]],
  ['iptables v1.8 (nf_tables)', 'nft', [1, 8, 0]],
])('%j is understood', async (said, mode, version) => {
  const fake = await FakeIPTables.create()
  const executor = {
    ...fake.executor,
    run: async () => ({ status: 0, stdout: `${said}\n`, stderr: '' }),
  }
  expect(await IPTables.create({ executor })).toMatchObject({ mode, version })
})

test.each(['', 'iptables', 'iptables v1 (legacy)', 'iptables v1.8.9 (foo)'])(
  'a program that says %j is no iptables',
  async (said) => {
    const fake = await FakeIPTables.create()
    const executor = {
      ...fake.executor,
      run: async () => ({ status: 0, stdout: said, stderr: '' }),
    }
    await expect(IPTables.create({ executor })).rejects.toMatchObject({ code: 'missing-program' })
  },
)

test('each family has rules of its own on one fake host', async () => {
  const [four, six] = FAMILIES
  const fake = await FakeIPTables.create({ family: four as 'ipv4', live: LIVE })
  const other = await IPTables.create({ family: six as 'ipv6', executor: fake.executor })
  expect(await other.chainExists('filter', 'WEB')).toBe(false)
  await expect(other.append('filter', 'INPUT', '-s 10.0.0.1')).rejects.toMatchObject({
    details: { reason: 'invalid-rule' },
  })
})

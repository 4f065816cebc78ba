import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Executor } from '../../src/host/executor.ts'
import { IPTables, type IPTablesOptions } from '../../src/host/iptables/client.ts'
import { iptablesReason, isNotExist, type Reason } from '../../src/host/iptables/reason.ts'
import type { Rulespec } from '../../src/host/iptables/rulespec.ts'
import type { Backend, Family } from '../../src/ruleset/model.ts'
import { KERNELS, scratchNamespace } from './namespace.ts'
import { withOwnLock } from './own-lock.ts'

const FOLDER = mkdtempSync(join(tmpdir(), 'fwctl-client-'))
const LOCK = join(FOLDER, 'xtables.lock')
afterAll(() => rmSync(FOLDER, { recursive: true }))

interface Bench extends AsyncDisposable {
  readonly ipt: IPTables
  readonly executor: Executor
  run(program: string, args: readonly string[], input?: string): Promise<string>
  create(options?: IPTablesOptions): Promise<IPTables>
}

async function bench(backend: Backend, family: Family): Promise<Bench> {
  const scratch = await scratchNamespace()
  const executor = withOwnLock(scratch.executor, LOCK)
  const create: Bench['create'] = (options) =>
    IPTables.create({ family, backend, executor, ...options })
  return {
    ipt: await create(),
    executor,
    run: scratch.run,
    create,
    [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose](),
  }
}

/** The reason of the failure; fails when there is none. */
async function reasonFor(call: Promise<unknown>): Promise<Reason | undefined> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeDefined()
  return iptablesReason(error)
}

const NET = {
  ipv4: { a: '192.0.2.0/24', b: '198.51.100.7/32', any: '0.0.0.0/0' },
  ipv6: { a: '2001:db8:1::/48', b: '2001:db8::7/128', any: '::/0' },
} as const

describe.each(KERNELS)('%s %s', (backend, family) => {
  const { a, b, any } = NET[family]

  test('a client says its family, mode and version', async () => {
    await using it = await bench(backend, family)
    expect(it.ipt).toMatchObject({ family, mode: backend, hasRandomFully: true })
    expect(it.ipt.version[0]).toBe(1)
    const program = `/usr/sbin/${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}`
    expect((await it.create({ path: program, backend: 'auto' })).mode).toBe(backend)
  })

  test('a chain lives from newChain to deleteChain', async () => {
    await using it = await bench(backend, family)
    const { ipt } = it
    const before = await ipt.listChains('filter')
    expect(before).toEqual(['INPUT', 'FORWARD', 'OUTPUT'])
    expect(await ipt.chainExists('filter', 'TEST')).toBe(false)
    await ipt.newChain('filter', 'TEST')
    expect(await ipt.chainExists('filter', 'TEST')).toBe(true)
    expect(await ipt.listChains('filter')).toEqual([...before, 'TEST'])
    expect(await reasonFor(ipt.newChain('filter', 'TEST'))).toBe('chain-exists')
    await ipt.renameChain('filter', 'TEST', 'OTHER')
    expect(await ipt.chainExists('filter', 'TEST')).toBe(false)
    await ipt.newChain('filter', 'TEST')
    expect(await reasonFor(ipt.renameChain('filter', 'TEST', 'OTHER'))).toBe('chain-exists')
    await ipt.append('filter', 'OTHER', '-j ACCEPT')
    expect(await reasonFor(ipt.deleteChain('filter', 'OTHER'))).toBe('chain-not-empty')
    await ipt.append('filter', 'INPUT', '-j OTHER')
    expect(await reasonFor(ipt.deleteChain('filter', 'OTHER'))).toBe('chain-in-use')
    expect(await reasonFor(ipt.clearAndDeleteChain('filter', 'OTHER'))).toBe('chain-in-use')
    expect(await ipt.list('filter', 'OTHER')).toHaveLength(2)
    await ipt.clearChain('filter', 'INPUT')
    await ipt.clearAndDeleteChain('filter', 'OTHER')
    await ipt.clearAndDeleteChain('filter', 'OTHER')
    await ipt.deleteChain('filter', 'TEST')
    expect(await ipt.listChains('filter')).toEqual(before)
  })

  test('clearChain makes a chain, and empties the one that is there', async () => {
    await using it = await bench(backend, family)
    const { ipt } = it
    await ipt.clearChain('nat', 'TEST')
    await ipt.append('nat', 'TEST', '-j RETURN')
    await ipt.append('nat', 'OUTPUT', '-j TEST')
    await ipt.clearChain('nat', 'TEST')
    expect(await ipt.list('nat', 'TEST')).toEqual(['-N TEST'])
    expect(await ipt.list('nat', 'OUTPUT')).toEqual(['-P OUTPUT ACCEPT', '-A OUTPUT -j TEST'])
  })

  test('rules are appended, inserted, replaced, listed and deleted', async () => {
    await using it = await bench(backend, family)
    const { ipt } = it
    await ipt.newChain('filter', 'T')
    await ipt.append('filter', 'T', ['-s', a, '-j', 'ACCEPT'])
    await ipt.insert('filter', 'T', 1, `-s ${b} -j DROP`)
    await ipt.insert('filter', 'T', 3, { source: a, destination: b, jump: 'RETURN' })
    expect(await ipt.list('filter', 'T')).toEqual([
      '-N T',
      `-A T -s ${b} -j DROP`,
      `-A T -s ${a} -j ACCEPT`,
      `-A T -s ${a} -d ${b} -j RETURN`,
    ])
    await ipt.replace('filter', 'T', 2, ['-d', a, '-j', 'ACCEPT'])
    expect(await ipt.listById('filter', 'T', 2)).toBe(`-A T -d ${a} -j ACCEPT`)
    expect(await ipt.exists('filter', 'T', `-s ${b} -j DROP`)).toBe(true)
    expect(await ipt.exists('filter', 'T', `-s ${b} -j ACCEPT`)).toBe(false)
    expect(await ipt.appendUnique('filter', 'T', `-s ${b} -j DROP`)).toBe(false)
    expect(await ipt.insertUnique('filter', 'T', 1, `-s ${b} -j LOG`)).toBe(true)
    await ipt.delete('filter', 'T', `-s ${b} -j DROP`)
    expect(await ipt.deleteIfExists('filter', 'T', `-s ${b} -j DROP`)).toBe(false)
    expect(await reasonFor(ipt.delete('filter', 'T', `-s ${b} -j DROP`))).toBe('rule-not-found')
    await ipt.deleteById('filter', 'T', 1)
    expect(await ipt.list('filter', 'T')).toEqual([
      '-N T',
      `-A T -d ${a} -j ACCEPT`,
      `-A T -s ${a} -d ${b} -j RETURN`,
    ])
  })

  test('numbers out of range are an error, never an empty answer', async () => {
    await using it = await bench(backend, family)
    const { ipt } = it
    await ipt.append('filter', 'INPUT', '-j ACCEPT')
    for (const id of [0, -1, 2, 99, 1.5, Number.NaN]) {
      expect(await reasonFor(ipt.listById('filter', 'INPUT', id))).toBe('index-out-of-range')
      expect(await reasonFor(ipt.deleteById('filter', 'INPUT', id))).toBe('index-out-of-range')
      const replaced = ipt.replace('filter', 'INPUT', id, '-j DROP')
      expect(await reasonFor(replaced)).toBe('index-out-of-range')
    }
    expect(await reasonFor(ipt.insert('filter', 'INPUT', 3, '-j DROP'))).toBe('index-out-of-range')
    expect(await ipt.list('filter', 'INPUT')).toHaveLength(2)
  })

  test('what list returns is a rule again: it is found, deleted and appended', async () => {
    await using it = await bench(backend, family)
    const { ipt } = it
    const typed = [
      `! -s ${a} -p tcp --dport http -m comment --comment "a  \\"quoted\\" one" -j ACCEPT`,
      '-m recent --name seen --rcheck -j DROP',
      '-m connlimit --connlimit-above 3 -p tcp -j REJECT',
      '-m comment --comment "-j"',
      family === 'ipv4' ? '-p icmp --icmp-type 255/255' : '-p icmpv6 --icmpv6-type 1',
    ]
    for (const rule of typed) await ipt.append('filter', 'INPUT', rule)
    const listings: readonly (readonly Rulespec[])[] = [
      (await ipt.list('filter', 'INPUT')).slice(1),
      (await ipt.listWithCounters('filter', 'INPUT')).slice(1),
      await ipt.rules('filter', 'INPUT'),
    ]
    for (const lines of listings) {
      expect(lines).toHaveLength(typed.length)
      for (const line of lines) {
        expect(await ipt.exists('filter', 'INPUT', line)).toBe(true)
        await ipt.delete('filter', 'INPUT', line)
        expect(await ipt.exists('filter', 'INPUT', line)).toBe(false)
        await ipt.append('filter', 'INPUT', line)
      }
    }
    for (const rule of typed) expect(await ipt.exists('filter', 'INPUT', rule)).toBe(true)
  })

  test('a rule is found in whatever words it is typed', async () => {
    await using it = await bench(backend, family)
    const { ipt } = it
    await ipt.append('filter', 'INPUT', '-m mark --mark 16 -p tcp --dport 80 -j ACCEPT')
    const other = '-p 6 -m tcp --dport http -m mark --mark 0x10 -j ACCEPT'
    expect(await ipt.exists('filter', 'INPUT', other)).toBe(true)
    expect(await ipt.appendUnique('filter', 'INPUT', other)).toBe(false)
    await ipt.delete('filter', 'INPUT', other)
    expect(await ipt.list('filter', 'INPUT')).toHaveLength(1)
  })

  test('counters are listed and counted as numbers of 64 bit', async () => {
    await using it = await bench(backend, family)
    const { ipt } = it
    // ip6tables-nft 1.8.9 forgets the counters it is given, also in a restore.
    const forgets = backend === 'nft' && family === 'ipv6'
    const [packets, bytes] = forgets ? [0n, 0n] : [7n, 18446744073709551615n]
    const program = `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}-restore`
    const rule = `[7:18446744073709551615] -A INPUT -s ${a} -j ACCEPT`
    await it.run(program, ['--counters'], `*filter\n:INPUT ACCEPT [0:0]\n${rule}\nCOMMIT\n`)
    const lines = await ipt.listWithCounters('filter', 'INPUT')
    expect(lines[1]).toBe(`-A INPUT -s ${a} -c ${packets} ${bytes} -j ACCEPT`)
    expect((await ipt.rules('filter', 'INPUT'))[0]?.counters).toEqual({ packets, bytes })
  })

  test('stats have ten columns for every rule: negated, without a target, with blanks', async () => {
    await using it = await bench(backend, family)
    const { ipt } = it
    await ipt.append('filter', 'FORWARD', `! -s ${a} -d ${b} -i eth0 ! -o eth1 -j ACCEPT`)
    await ipt.append('filter', 'FORWARD', '-p tcp --dport 22')
    await ipt.append('filter', 'FORWARD', ['-m', 'comment', '--comment', 'x  y\n0 0', '-j', 'DROP'])
    expect(await ipt.stats('filter', 'FORWARD')).toEqual([
      ['0', '0', 'ACCEPT', 'all', '--', 'eth0', '!eth1', `!${a}`, b, ''],
      ['0', '0', '', 'tcp', '--', '*', '*', any, any, '-m tcp --dport 22'],
      ['0', '0', 'DROP', 'all', '--', '*', '*', any, any, '-m comment --comment "x  y\n0 0"'],
    ])
    const [first] = await ipt.structuredStats('filter', 'FORWARD')
    expect(first).toMatchObject({
      packets: 0n,
      target: 'ACCEPT',
      source: { negated: true, network: a },
      destination: { negated: false, network: b },
    })
  })

  test('policies are changed and read', async () => {
    await using it = await bench(backend, family)
    const { ipt } = it
    await ipt.changePolicy('filter', 'FORWARD', 'DROP')
    expect(await ipt.policy('filter', 'FORWARD')).toBe('DROP')
    expect(await ipt.policy('filter', 'INPUT')).toBe('ACCEPT')
    await ipt.newChain('filter', 'T')
    const onUserChain = ipt.changePolicy('filter', 'T', 'DROP')
    expect(await reasonFor(onUserChain)).toBe('not-builtin-chain')
    expect(await reasonFor(ipt.changePolicy('filter', 'INPUT', 'NO' as 'DROP'))).toBe(
      'invalid-policy',
    )
  })

  test('what is not there is told apart from what went wrong', async () => {
    await using it = await bench(backend, family)
    const { ipt } = it
    const missing: readonly (readonly [Reason, () => Promise<unknown>])[] = [
      ['chain-not-found', () => ipt.append('filter', 'NO', '-j ACCEPT')],
      ['chain-not-found', () => ipt.list('filter', 'NO')],
      ['chain-not-found', () => ipt.listWithCounters('filter', 'NO')],
      ['chain-not-found', () => ipt.stats('filter', 'NO')],
      ['chain-not-found', () => ipt.listById('filter', 'NO', 1)],
      ['chain-not-found', () => ipt.deleteById('filter', 'NO', 1)],
      ['chain-not-found', () => ipt.delete('filter', 'NO', '-j ACCEPT')],
      ['chain-not-found', () => ipt.deleteChain('filter', 'NO')],
      ['chain-not-found', () => ipt.renameChain('filter', 'NO', 'YES')],
      ['rule-not-found', () => ipt.delete('filter', 'INPUT', '-j ACCEPT')],
      ['rule-not-found', () => ipt.delete('filter', 'INPUT', '-j NO')],
      ['target-not-found', () => ipt.append('filter', 'INPUT', '-j NO')],
      ['match-not-found', () => ipt.append('filter', 'INPUT', '-m nomatch')],
      ['set-not-found', () => ipt.append('filter', 'INPUT', '-m set --match-set no src')],
      ['table-not-found', () => ipt.list('no' as 'filter', 'INPUT')],
    ]
    for (const [reason, call] of missing) {
      const error = await call().catch((thrown: unknown) => thrown)
      expect(iptablesReason(error)).toBe(reason)
      expect(isNotExist(error)).toBe(true)
    }
    expect(await ipt.exists('filter', 'NO', '-j ACCEPT')).toBe(false)
    expect(await ipt.exists('filter', 'INPUT', '-j NO')).toBe(false)
    const wrong = await ipt.append('filter', 'INPUT', '-p tcp --dport 99999').catch((e) => e)
    expect(isNotExist(wrong)).toBe(false)
    expect(wrong).toMatchObject({
      code: 'command-failed',
      details: { reason: 'invalid-rule', status: 2, stderr: expect.stringContaining('99999') },
    })
    expect(wrong.details.argv).toEqual(
      expect.arrayContaining(['-t', 'filter', '-A', 'INPUT', '-p', 'tcp', '--dport', '99999']),
    )
    expect(await reasonFor(ipt.append('filter', 'INPUT', '-j MASQUERADE'))).toBe(
      'refused-by-kernel',
    )
  })

  test('a chain named like an option does not become one', async () => {
    await using it = await bench(backend, family)
    const { ipt } = it
    await ipt.append('filter', 'INPUT', '-j ACCEPT')
    expect(await reasonFor(ipt.clearChain('filter', '-v'))).toBe('invalid-chain-name')
    expect(await reasonFor(ipt.list('filter', '-v'))).toBe('chain-not-found')
    expect(await reasonFor(ipt.deleteChain('filter', '-v'))).toBe('chain-not-found')
    expect(await reasonFor(ipt.delete('filter', 'INPUT', ['1']))).toBe('invalid-rule')
    expect(await reasonFor(ipt.renameChain('filter', 'INPUT', 'X'))).toBe('builtin-chain')
    expect(await ipt.list('filter', 'INPUT')).toHaveLength(2)
  })

  test('clearAll and deleteAll are for one table or for all that are in use', async () => {
    await using it = await bench(backend, family)
    const { ipt } = it
    for (const table of ['filter', 'mangle', 'nat'] as const) {
      await ipt.newChain(table, 'T')
      await ipt.append(table, 'T', '-j RETURN')
    }
    expect(await reasonFor(ipt.deleteAll('mangle'))).toBe('chain-not-empty')
    await ipt.clearAll('filter')
    await ipt.deleteAll('filter')
    expect(await ipt.listChains('filter')).not.toContain('T')
    expect(await ipt.list('nat', 'T')).toHaveLength(2)
    await ipt.clearAll()
    await ipt.deleteAll()
    expect(await ipt.chainExists('nat', 'T')).toBe(false)
    expect(await ipt.chainExists('mangle', 'T')).toBe(false)
  })

  test('a transaction is one restore: all of it or nothing, with the call that was refused', async () => {
    await using it = await bench(backend, family)
    const { ipt } = it
    await ipt.append('filter', 'INPUT', '-m mark --mark 1 -p tcp -j DROP')
    await ipt.transaction((tx) => {
      tx.newChain('filter', 'WEB')
      for (let port = 1; port <= 100; port++) tx.append('filter', 'WEB', `-p tcp --dport ${port}`)
      tx.insert('filter', 'INPUT', 1, ['-j', 'WEB', '-m', 'comment', '--comment', 'to  the "web"'])
      tx.delete('filter', 'INPUT', '-p tcp -m mark --mark 0x1 -j DROP')
      tx.changePolicy('filter', 'FORWARD', 'DROP')
      tx.clearChain('filter', 'OUTPUT')
      tx.clearChain('filter', 'EMPTY')
      tx.clearChain('filter', 'EMPTY')
      tx.deleteChain('filter', 'EMPTY')
      tx.clearChain('filter', 'EMPTY')
    })
    expect(await ipt.list('filter', 'INPUT')).toEqual([
      '-P INPUT ACCEPT',
      '-A INPUT -m comment --comment "to  the \\"web\\"" -j WEB',
    ])
    expect(await ipt.list('filter', 'WEB')).toHaveLength(101)
    expect(await ipt.listChains('filter')).toContain('EMPTY')
    const error = await ipt
      .transaction((tx) => {
        tx.append('filter', 'WEB', '-j ACCEPT')
        tx.deleteById('filter', 'WEB', 500)
      })
      .catch((thrown) => thrown)
    expect(error.details).toMatchObject({
      reason: 'index-out-of-range',
      text: '-D WEB 500',
      committed: [],
    })
    expect(await ipt.list('filter', 'WEB')).toHaveLength(101)
    const two = await ipt
      .transaction((tx) => {
        tx.append('nat', 'OUTPUT', '-j RETURN')
        tx.deleteChain('filter', 'WEB')
      })
      .catch((thrown) => thrown)
    expect(two.details).toMatchObject({ reason: 'chain-in-use', committed: ['nat'] })
    expect(two.message).toContain('Changed already: table nat')
    const injected = ipt.transaction((tx) =>
      tx.append('filter', 'INPUT', ['-m', 'comment', '--comment', 'x\n-F']),
    )
    expect(await reasonFor(injected)).toBe('invalid-rule')
    await expect(
      ipt.transaction((tx) => {
        tx.clearAll('filter')
        throw new Error('of the caller')
      }),
    ).rejects.toThrow('of the caller')
    expect(await ipt.list('filter', 'WEB')).toHaveLength(101)
  })

  test('calls can be cancelled and end with their time limit', async () => {
    await using it = await bench(backend, family)
    const slow = join(FOLDER, `slow-${backend}-${family}`)
    writeFileSync(
      slow,
      `#!/bin/sh\n[ "$1" = --version ] && { echo 'iptables v1.8.9 (nf_tables)'; exit; }\nexec sleep 20\n`,
    )
    chmodSync(slow, 0o755)
    const ipt = await it.create({ path: slow, backend: 'auto', timeoutMs: 300 })
    expect(await reasonFor(ipt.list('filter', 'INPUT'))).toBe('timeout')
    const signal = AbortSignal.timeout(100)
    expect(await reasonFor(ipt.list('filter', 'INPUT', { signal, timeoutMs: 20_000 }))).toBe(
      'cancelled',
    )
    expect(await reasonFor(it.ipt.transaction((tx) => tx.clearAll('filter'), { signal }))).toBe(
      'cancelled',
    )
  })
})

test('an old version is given no option that it does not know, and the lock is taken for it', async () => {
  await using it = await bench('legacy', 'ipv4')
  const old = join(FOLDER, 'iptables')
  const log = join(FOLDER, 'log')
  for (const [name, real] of [
    [old, 'iptables-legacy'],
    [`${old}-restore`, 'iptables-legacy-restore'],
    [`${old}-save`, 'iptables-legacy-save'],
  ] as const) {
    const version = '[ "$1" = --version ] && { echo "iptables v1.4.10"; exit; }'
    const refuse = 'case " $* " in *" --wait "*|*" -C "*) echo "unknown option" >&2; exit 2;; esac'
    writeFileSync(
      name,
      `#!/bin/sh\n${version}\n${refuse}\necho "$*" >> ${log}\nexec ${real} "$@"\n`,
    )
    chmodSync(name, 0o755)
  }
  const ipt = await it.create({ path: old, backend: 'auto' })
  expect(ipt).toMatchObject({ mode: 'legacy', version: [1, 4, 10], hasRandomFully: false })
  await ipt.newChain('filter', 'T')
  expect(await ipt.appendUnique('filter', 'T', '-p tcp --dport http -j ACCEPT')).toBe(true)
  expect(await ipt.exists('filter', 'T', '-p tcp -m tcp --dport 80 -j ACCEPT')).toBe(true)
  // Not even as the beginning of another rule.
  expect(await ipt.exists('filter', 'T', '-p tcp -m tcp --dport 80')).toBe(false)
  await ipt.transaction((tx) => tx.delete('filter', 'T', '-p tcp --dport 80 -j ACCEPT'))
  expect(await ipt.list('filter', 'T')).toEqual(['-N T'])
})

test('of rules that iptables-nft takes for each other the one is deleted that is meant', async () => {
  await using host = await scratchNamespace()
  const ipt = await IPTables.create({ executor: host.executor, backend: 'nft', family: 'ipv6' })
  const rule = (length: number): string => `-s 2001:db8::/${length} -j DROP`
  const listed = async (): Promise<readonly string[]> =>
    (await ipt.list('filter', 'INPUT')).slice(1).map((line) => line.replace('-A INPUT ', ''))
  for (const length of [32, 48, 64]) await ipt.append('filter', 'INPUT', rule(length))

  await ipt.delete('filter', 'INPUT', rule(48))
  expect(await listed()).toEqual([rule(32), rule(64)])
  await ipt.transaction((tx) => tx.delete('filter', 'INPUT', rule(64)))
  expect(await listed()).toEqual([rule(32)])

  await ipt.append('filter', 'INPUT', rule(64))
  const late = ipt.transaction((tx) => {
    tx.insert('filter', 'INPUT', 1, '-i lo -j ACCEPT')
    tx.delete('filter', 'INPUT', rule(64))
  })
  expect(await reasonFor(late)).toBe('invalid-rule')
  expect(await listed()).toEqual([rule(32), rule(64)])
  await ipt.delete('filter', 'INPUT', rule(32))
  expect(await listed()).toEqual([rule(64)])
})

test('native nft rules that iptables can not show are an error, and hidden chains are no empty list', async () => {
  await using it = await bench('nft', 'ipv4')
  const { ipt } = it
  await ipt.newChain('filter', 'T')
  await it.run('nft', [
    'add',
    'chain',
    'ip',
    'filter',
    'own',
    '{ type filter hook input priority 5; }',
  ])
  expect(await ipt.listChains('filter')).toContain('T')
  expect(await reasonFor(ipt.chainExists('filter', 'own'))).toBe('incompatible-table')
  expect(await ipt.chainExists('filter', 'NO').catch(iptablesReason)).toBe('incompatible-table')
  await it.run('nft', ['add', 'rule', 'ip', 'filter', 'T', 'ct', 'state', 'new', 'log'])
  expect(await reasonFor(ipt.list('filter', 'T'))).toBe('incompatible-table')
  expect(await reasonFor(ipt.listChains('filter'))).toBe('incompatible-table')
  expect(await reasonFor(ipt.exists('filter', 'T', '-j ACCEPT'))).toBe('incompatible-table')
})

test('a host without such an iptables is told apart from a broken one', async () => {
  await using it = await bench('nft', 'ipv4')
  expect(await reasonFor(it.create({ path: '/bin/true', backend: 'auto' }))).toBe('missing-program')
  expect(await reasonFor(it.create({ path: '/bin/false', backend: 'auto' }))).toBe(
    'missing-program',
  )
  expect(await reasonFor(it.create({ path: 'no-such-iptables', backend: 'auto' }))).toBe(
    'missing-program',
  )
})

test('a busy lock is told as that, after the time it was to be waited for', async () => {
  await using it = await bench('legacy', 'ipv4')
  const holder = await it.executor.hold({
    program: 'flock',
    args: [LOCK, 'cat'],
    timeoutMs: 10_000,
  })
  const ipt = await it.create({ waitSeconds: 1 })
  const error = await ipt.append('filter', 'INPUT', '-j ACCEPT').catch((thrown) => thrown)
  await holder.stop()
  expect(error).toMatchObject({ code: 'lock-busy', details: { reason: 'lock-busy' } })
  await ipt.append('filter', 'INPUT', '-j ACCEPT')
})

import { describe, expect, test } from 'vitest'
import type { FwctlError } from '../../src/base/error.ts'
import { readApplied } from '../../src/host/applied.ts'
import type { Result } from '../../src/host/executor.ts'
import { readJournal } from '../../src/host/journal.ts'
import { listSnapshots, readSnapshot } from '../../src/host/snapshots.ts'
import type { Family } from '../../src/ruleset/model.ts'
import { BACKENDS, KERNELS, withoutTimes } from './namespace.ts'
import { interceptRestore, type Workbench, workbench } from './workbench.ts'

const NETWORK: Readonly<Record<Family, string>> = {
  ipv4: '192.0.2.0/24',
  ipv6: '2001:db8::/32',
}

/** A lived-in filter table: counters, a user chain, a foreign chain. */
function livedIn(family: Family): string {
  return `*filter
:INPUT DROP [7:700]
:FORWARD ACCEPT [3:300]
:OUTPUT ACCEPT [9:900]
:DOCKER-USER - [0:0]
:WEB - [0:0]
[5:500] -A INPUT -i lo -j ACCEPT
[6:600] -A INPUT -s ${NETWORK[family]} -p tcp -m tcp --dport 22 -j ACCEPT
[1:100] -A INPUT -p tcp -m tcp --dport 80 -j WEB
[2:200] -A FORWARD -j DOCKER-USER
[8:800] -A DOCKER-USER -j RETURN
[4:400] -A WEB -j ACCEPT
COMMIT
`
}

function goal(family: Family): string {
  return `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER-USER - [0:0]
:SSH - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j SSH
-A INPUT -p udp -m udp --dport 53 -m comment --comment "naïve ☂ \\"quoted\\"" -j ACCEPT
-A FORWARD -j DOCKER-USER
-A DOCKER-USER -j RETURN
-A SSH -s ${NETWORK[family]} -j ACCEPT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`
}

describe.each(KERNELS)('apply on %s, %s', (backend, family) => {
  test('what is live afterwards is the target, and the next plan is empty and has no effect', async () => {
    await using bench = await workbench(backend)
    await bench.load(family, livedIn(family))
    const plan = await bench.planTo({ [family]: goal(family) })

    const outcome = await bench.apply(plan)

    expect(outcome).toMatchObject({ kind: 'applied', rehearsal: { kind: 'passed' } })
    const next = await bench.planTo({ [family]: goal(family) })
    expect(next.families[0]?.changes).toEqual([])
    const saved = await bench.save(family)
    expect(await bench.apply(next)).toMatchObject({ kind: 'unchanged' })
    expect(await bench.save(family)).toBe(saved)
    expect(await listSnapshots(bench.stateDir)).toHaveLength(1)
    expect(await readJournal(bench.stateDir)).toBeUndefined()
  })

  test('rules that stay keep their counters, and so do the policies of the built-in chains', async () => {
    await using bench = await workbench(backend)
    await bench.load(family, livedIn(family))

    await bench.apply(await bench.planTo({ [family]: goal(family) }))

    const saved = await bench.save(family)
    // ip6tables-nft can not set the counters of a rule, so it never had them.
    const carried = !(backend === 'nft' && family === 'ipv6')
    expect(saved).toContain(`${carried ? '[5:500]' : '[0:0]'} -A INPUT -i lo -j ACCEPT`)
    expect(saved).toContain(`${carried ? '[8:800]' : '[0:0]'} -A DOCKER-USER -j RETURN`)
    expect(saved).toContain(':INPUT DROP [7:700]')
    expect(saved).toContain(':FORWARD DROP [3:300]')
  })

  test('the snapshot and the record say what was before and what is now', async () => {
    await using bench = await workbench(backend)
    await bench.load(family, livedIn(family))
    const saved = await bench.save(family)

    const outcome = await bench.apply(await bench.planTo({ [family]: goal(family) }))

    if (outcome.kind !== 'applied') throw new Error('nothing was applied')
    const snapshot = await readSnapshot(bench.stateDir, outcome.snapshot)
    expect(withoutTimes(snapshot.dumps[family] ?? '')).toBe(saved)
    expect(Object.keys(snapshot.dumps).sort()).toEqual(['ipv4', 'ipv6'])
    const record = await readApplied(bench.stateDir)
    expect(record?.snapshot).toBe(outcome.snapshot)
    expect(record?.families[family]?.rules).toContain('-A INPUT -p tcp -m tcp --dport 22 -j SSH')
  })

  test('a plan for rules that have changed since is refused', async () => {
    await using bench = await workbench(backend)
    await bench.load(family, livedIn(family))
    const plan = await bench.planTo({ [family]: goal(family) })
    await bench.load(family, '*filter\n-A WEB -j DROP\nCOMMIT\n')
    const saved = await bench.save(family)

    await expect(bench.apply(plan)).rejects.toMatchObject({ code: 'stale-plan' })

    expect(await bench.save(family)).toBe(saved)
    expect(await listSnapshots(bench.stateDir)).toEqual([])
  })

  test('when somebody keeps changing the same chain, the rules before are put back with their counters', async () => {
    await using bench = await workbench(backend)
    await bench.load(family, livedIn(family))
    const saved = await bench.save(family)
    const plan = await bench.planTo({ [family]: goal(family) })
    const executor = interceptRestore(bench.scratch.executor, family, async (run) => {
      const result = await run()
      // Somebody appends to a chain of ours right after our commit.
      if ((await bench.save(family)).includes(':SSH ')) {
        await intrude(bench, family, ['-A', 'SSH', '-j', 'DROP'])
      }
      return result
    })

    const error = await bench.apply(plan, { executor, rehearse: 'off' }).catch((e) => e)

    expect(error).toMatchObject({ code: 'rolled-back' })
    expect(error.message).toContain(`the ${family} rules read back are not the target`)
    expect(error.message).toContain(`Another program changes ${family} filter SSH`)
    expect(sameTables(await bench.save(family))).toBe(sameTables(saved))
    expect(await readJournal(bench.stateDir)).toBeUndefined()
  })

  test('when somebody changes the same chain once, the second attempt succeeds', async () => {
    await using bench = await workbench(backend)
    await bench.load(family, livedIn(family))
    const plan = await bench.planTo({ [family]: goal(family) })
    let isFirst = true
    const executor = interceptRestore(bench.scratch.executor, family, async (run) => {
      const result = await run()
      if (isFirst) await intrude(bench, family, ['-A', 'SSH', '-j', 'DROP'])
      isFirst = false
      return result
    })

    const outcome = await bench.apply(plan, { executor, rehearse: 'off' })

    expect(outcome).toMatchObject({ kind: 'applied', retries: 1 })
    expect((await bench.planTo({ [family]: goal(family) })).families[0]?.changes).toEqual([])
  })

  test('what another tool does meanwhile in its own chain is neither a failure nor undone', async () => {
    await using bench = await workbench(backend)
    await bench.load(family, livedIn(family))
    const plan = await bench.planTo({ [family]: goal(family) })
    const executor = interceptRestore(bench.scratch.executor, family, async (run) => {
      const result = await run()
      await intrude(bench, family, ['-I', 'DOCKER-USER', '-j', 'ACCEPT'])
      return result
    })

    expect(await bench.apply(plan, { executor, rehearse: 'off' })).toMatchObject({
      kind: 'applied',
    })
    expect(await bench.save(family)).toContain('-A DOCKER-USER -j ACCEPT')
  })
})

test('no other legacy program gets in between: it waits for the xtables lock', async () => {
  await using bench = await workbench('legacy')
  await bench.load('ipv4', livedIn('ipv4'))
  let other: Promise<string> | undefined
  const executor = interceptRestore(bench.scratch.executor, 'ipv4', async (run) => {
    other = bench.scratch.run('iptables-legacy', ['--wait', '10', '-A', 'WEB', '-j', 'DROP'])
    await new Promise((resolve) => setTimeout(resolve, 300))
    const saved = await bench.save('ipv4')
    expect(saved).not.toContain('-A WEB -j DROP')
    return run()
  })

  const plan = await bench.planTo({
    ipv4: `${livedIn('ipv4')}*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -j ACCEPT\nCOMMIT\n`,
  })
  await bench.apply(plan, { executor, rehearse: 'off' })

  await other
  expect(await bench.save('ipv4')).toContain('-A WEB -j DROP')
})

describe.each(BACKENDS)('apply of both families on %s', (backend) => {
  const goals = { ipv4: goal('ipv4'), ipv6: goal('ipv6') }

  async function lived() {
    const bench = await workbench(backend)
    for (const family of ['ipv4', 'ipv6'] as const) {
      // The nat tables exist beforehand, so that "as it was" is so to the byte.
      await bench.load(family, `${livedIn(family)}*nat\n:INPUT ACCEPT [0:0]\nCOMMIT\n`)
    }
    return bench
  }

  test('when IPv6 fails after IPv4 is committed, IPv4 is put back to the byte', async () => {
    await using bench = await lived()
    const saved = [await bench.save('ipv4'), await bench.save('ipv6')]
    const plan = await bench.planTo(goals)
    let isFirst = true
    const executor = interceptRestore(bench.scratch.executor, 'ipv6', (run) => {
      if (!isFirst) return run()
      isFirst = false
      return Promise.resolve({ status: 4, stdout: '', stderr: 'line 3: RULE_INSERT failed' })
    })

    const error: FwctlError = await bench.apply(plan, { executor, rehearse: 'off' }).catch((e) => e)

    expect(error.code).toBe('rolled-back')
    expect(error.message).toContain('RULE_INSERT failed')
    expect([await bench.save('ipv4'), await bench.save('ipv6')]).toEqual(saved)
  })

  test('Ctrl-C between the families undoes the first, and one before the commit does nothing', async () => {
    await using bench = await lived()
    const saved = [await bench.save('ipv4'), await bench.save('ipv6')]
    const plan = await bench.planTo(goals)
    for (const step of ['read', 'rehearse', 'snapshot', 'commit'] as const) {
      const stop = new AbortController()
      const error: FwctlError = await bench
        .apply(plan, {
          signal: stop.signal,
          progress: (reached) => reached === step && stop.abort(),
        })
        .catch((e) => e)
      expect(error.code).toBe('cancelled')
      expect([await bench.save('ipv4'), await bench.save('ipv6')]).toEqual(saved)
      expect(await readJournal(bench.stateDir)).toBeUndefined()
    }

    const stop = new AbortController()
    const executor = interceptRestore(bench.scratch.executor, 'ipv4', (run) => {
      stop.abort()
      return run()
    })
    const error: FwctlError = await bench
      .apply(plan, { executor, rehearse: 'off', signal: stop.signal })
      .catch((e) => e)
    expect(error.code).toBe('cancelled')
    expect([await bench.save('ipv4'), await bench.save('ipv6')]).toEqual(saved)
  })

  test('when the way back fails too, the error says how to go it by hand, and the next run goes it', async () => {
    await using bench = await lived()
    const saved = [await bench.save('ipv4'), await bench.save('ipv6')]
    const plan = await bench.planTo(goals)
    let isFirst = true
    const executor = interceptRestore(bench.scratch.executor, 'ipv4', (run) => {
      if (!isFirst) return Promise.resolve({ status: 1, stdout: '', stderr: 'no memory' })
      isFirst = false
      return run()
    })
    const broken = interceptRestore(executor, 'ipv6', () =>
      Promise.resolve({ status: 1, stdout: '', stderr: 'no memory' }),
    )

    const error: FwctlError = await bench
      .apply(plan, { executor: broken, rehearse: 'off' })
      .catch((e) => e)

    expect(error.code).toBe('rollback-incomplete')
    expect(error.message).toMatch(/iptables-\w+-restore --counters < .*ipv4\.rules/)
    expect(await bench.save('ipv4')).not.toBe(saved[0])
    const next = await bench.apply(plan)
    expect(next).toMatchObject({ kind: 'applied', recovery: { kind: 'undone' } })
  })

  test('only one apply at a time: the other says that the lock is busy', async () => {
    await using bench = await lived()
    const plan = await bench.planTo(goals)
    let second: Promise<unknown> | undefined
    await bench.apply(plan, {
      progress: (step) => {
        if (step === 'rehearse') second = bench.apply(plan, { lockWaitMs: 50 }).catch((e) => e)
      },
    })
    expect(await second).toMatchObject({ code: 'lock-busy' })
  })
})

/** What a program does that does not heed the xtables lock: on legacy apply holds it. */
async function intrude(bench: Workbench, family: Family, args: readonly string[]): Promise<void> {
  const { executor, pid } = bench.scratch
  const result = await executor.run({
    program: `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${bench.backend}`,
    args: ['--wait', '1', ...args],
    timeoutMs: 10_000,
    env: { XTABLES_LOCKFILE: `/proc/${pid}/comm` },
  })
  if (result.status !== 0) throw new Error(result.stderr)
}

/**
 * Without the nat table, which comes into being with the first rule and can not be taken away, and
 * without the counters of policies, which on legacy any command of another program resets.
 */
function sameTables(dump: string): string {
  return dump
    .replaceAll(/^(:\w+ (ACCEPT|DROP)) .*$/gm, '$1')
    .replace(/\*nat\n(:\w+ ACCEPT\n)+COMMIT\n/, '')
}

describe.each(BACKENDS)('what a commit lists before it ends, on %s', (backend) => {
  const BEFORE = '*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s 192.0.2.1 -j DROP\nCOMMIT\n'
  const AFTER = `${BEFORE.replace('192.0.2.1', '192.0.2.2').slice(0, -7)}-A INPUT -j ACCEPT\nCOMMIT\n`

  /** Changes the listing that follows the batch, or what came of the program. */
  async function applySpoilt(spoil: {
    readonly listing?: (text: string) => string
    readonly result?: (result: Result) => Result
  }) {
    const bench = await workbench(backend)
    await bench.load('ipv4', BEFORE)
    const plan = await bench.planTo({ ipv4: AFTER })
    const { executor } = bench.scratch
    let commits = 0
    const outcome = bench.apply(plan, {
      rehearse: 'off',
      executor: {
        ...executor,
        run: async (command) => {
          if (!command.args.includes('--counters')) return executor.run(command)
          commits++
          const { input, rest } = command
          const change = (text: string): string =>
            text.replace(/\*filter\n-S .*\nCOMMIT\n$/, (one) => spoil.listing?.(one) ?? one)
          const result = await executor.run({
            ...command,
            ...(input === undefined ? {} : { input: change(input) }),
            ...(rest && { rest: async () => change(await rest()) }),
          })
          return spoil.result?.(result) ?? result
        },
      },
    })
    await outcome.catch(() => undefined)
    const saved = await bench.save('ipv4')
    await bench[Symbol.asyncDispose]()
    return { outcome, commits, saved }
  }

  test.each([
    ['the chain is gone', { listing: (text: string) => text.replace('-S INPUT', '-S NOPE') }],
    ['it can not be read', { listing: () => 'what is this\n' }],
    [
      'the program dies of it',
      { result: ({ status: _, ...rest }: Result) => ({ ...rest, stdout: '', signal: 'SIGSEGV' }) },
    ],
    ['it is empty', { listing: () => '' }],
    [
      'another version prints it in another way',
      { listing: (t: string) => t.replace('-S', '-v -S') },
    ],
  ])('is no failure of the change when %s: all is read then', async (_, spoil) => {
    const { outcome, commits, saved } = await applySpoilt(spoil)
    expect(await outcome).toMatchObject({ kind: 'applied', retries: 0 })
    expect(commits).toBe(1)
    expect(saved).toContain('-A INPUT -s 192.0.2.2/32 -j DROP\n')
    expect(saved).not.toContain('192.0.2.1')
  })
})

test.each([4, 600])(
  'a rule of others that is hit in place of one of %d equal ones is never lost in silence, whatever its comment says',
  async (count) => {
    await using bench = await workbench('nft')
    const head = '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n'
    // All go by number: they can not be told apart by their values.
    await bench.load('ipv4', `${head}${'-A INPUT -s 10.0.0.1/32 -j DROP\n'.repeat(count)}COMMIT\n`)
    const plan = await bench.planTo({ ipv4: `${head}-A INPUT -s 10.9.9.9/32 -j ACCEPT\nCOMMIT\n` })
    const { executor } = bench.scratch
    let isIn = false
    const interfere = async (): Promise<void> => {
      if (isIn) return
      isIn = true
      const comment = ['-m', 'comment', '--comment', 'FOREIGN a\n-N x']
      await bench.scratch.run('iptables-nft', ['-I', 'INPUT', '3', ...comment, '-j', 'ACCEPT'])
    }
    const racing = {
      ...executor,
      run: async (command: Parameters<typeof executor.run>[0]) => {
        const { rest, args } = command
        if (rest === undefined || !args.includes('--counters')) return executor.run(command)
        return executor.run({
          ...command,
          rest: async () => {
            const text = await rest()
            if (text !== '') await interfere()
            return text
          },
        })
      },
    }
    const outcome = await bench.apply(plan, { executor: racing, rehearse: 'off' }).catch((e) => e)
    expect(isIn).toBe(true)
    const isKept = (await bench.save('ipv4')).includes('FOREIGN')
    if (!isKept) expect(outcome).toMatchObject({ code: 'rollback-incomplete' })
  },
)

import { appendFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { detectBackend } from '../../src/host/backend.ts'
import { readLive } from '../../src/host/live.ts'
import { planRollback } from '../../src/host/rollback.ts'
import { listSnapshots, pruneSnapshots, readSnapshot } from '../../src/host/snapshots.ts'
import type { Plan } from '../../src/plan/plan.ts'
import { FAMILIES, type Family } from '../../src/ruleset/model.ts'
import { BACKENDS, withoutCounters } from './namespace.ts'
import { type Workbench, workbench } from './workbench.ts'

const SOURCE: Readonly<Record<Family, string>> = { ipv4: '192.0.2.1/32', ipv6: '2001:db8::1/128' }

/** All tables are there from the start: none can be taken away again. */
function livedIn(family: Family): string {
  return `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
*filter
:INPUT DROP [1:2]
:FORWARD ACCEPT [3:4]
:OUTPUT ACCEPT [5:6]
:DOCKER - [0:0]
:OURS - [0:0]
[7:8] -A INPUT -s ${SOURCE[family]} -m comment --comment "say \\"hi\\" — ünïcode" -j OURS
[9:10] -A INPUT -j ACCEPT
[11:12] -A FORWARD -j DOCKER
[13:14] -A FORWARD -i eth0 -j DROP
[15:16] -A DOCKER -j RETURN
[17:18] -A OURS -p tcp -m tcp --dport 22 -j ACCEPT
[19:20] -A OURS -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`
}

/** Changes, moves, adds and removes rules, chains and policies. */
function changed(family: Family): string {
  return `*raw
:PREROUTING DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -i lo -j ACCEPT
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:NEW - [0:0]
-A INPUT -j ACCEPT
-A INPUT -s ${SOURCE[family]} -j NEW
-A FORWARD -i eth1 -j DROP
-A FORWARD -j DOCKER
-A DOCKER -j RETURN
-A NEW -j DROP
COMMIT
`
}

async function wayBack(
  bench: Workbench,
  options: { id?: string; exact?: boolean } = {},
): Promise<Plan> {
  const backend = await detectBackend(bench.scratch.executor, bench.backend)
  const live = await readLive(bench.scratch.executor, backend, { families: FAMILIES })
  const snapshot = await readSnapshot(bench.stateDir, options.id)
  return planRollback({ live, snapshot, stateDir: bench.stateDir, exact: options.exact ?? false })
}

async function dumps(bench: Workbench): Promise<string[]> {
  return [await bench.save('ipv4'), await bench.save('ipv6')]
}

describe.each(BACKENDS)('going back to a snapshot on %s', (backend) => {
  async function applied() {
    const bench = await workbench(backend)
    for (const family of FAMILIES) await bench.load(family, livedIn(family))
    const before = await dumps(bench)
    await bench.apply(await bench.planTo({ ipv4: changed('ipv4'), ipv6: changed('ipv6') }))
    return { bench, before }
  }

  test('makes both families what they were, to the byte but for counters that moved on', async () => {
    const { bench, before } = await applied()
    await using _ = bench

    await bench.apply(await wayBack(bench), { reason: 'rollback' })

    expect((await dumps(bench)).map(withoutCounters)).toEqual(before.map(withoutCounters))
    expect(
      (await wayBack(bench, { id: (await listSnapshots(bench.stateDir))[0] ?? '' })).summary,
    ).toMatchObject({ 'rule-add': 0, 'rule-remove': 0, 'chain-add': 0 })
  })

  test('brings back the counters of the rules that had gone', async () => {
    const { bench } = await applied()
    await using _ = bench

    await bench.apply(await wayBack(bench))

    // ip6tables-nft can not set the counters of a rule.
    expect(await bench.save('ipv4')).toContain('[13:14] -A FORWARD -i eth0 -j DROP')
    expect(await bench.save('ipv4')).toContain('[9:10] -A INPUT -j ACCEPT')
  })

  test('the way back is itself gone back from', async () => {
    const { bench } = await applied()
    await using _ = bench
    const after = await dumps(bench)

    await bench.apply(await wayBack(bench))
    await bench.apply(await wayBack(bench))

    expect((await dumps(bench)).map(withoutCounters)).toEqual(after.map(withoutCounters))
    expect(await listSnapshots(bench.stateDir)).toHaveLength(3)
  })

  test('undoes what was done by hand since, and keeps what another tool has in its chains', async () => {
    const { bench, before } = await applied()
    await using _ = bench
    await bench.load(
      'ipv4',
      `*filter
:MANUAL - [0:0]
:DOCKER-USER - [0:0]
-A OUTPUT -j MANUAL
-I DOCKER 1 -s 172.17.0.2/32 -j ACCEPT
-I FORWARD 1 -j DOCKER-USER
COMMIT
`,
    )

    const plan = await wayBack(bench)
    await bench.apply(plan)

    const saved = await bench.save('ipv4')
    expect(saved).not.toContain('MANUAL')
    expect(saved).toContain('-A DOCKER -s 172.17.0.2/32 -j ACCEPT')
    expect(saved).toContain('-A FORWARD -j DOCKER-USER')
    expect(saved).toContain(':DOCKER-USER - ')
    expect(plan.families.find((one) => one.family === 'ipv6')?.changes).not.toEqual([])

    const [first] = await listSnapshots(bench.stateDir)
    await bench.apply(await wayBack(bench, { id: first ?? '', exact: true }))
    expect((await dumps(bench)).map(withoutCounters)).toEqual(before.map(withoutCounters))
  })
})

describe('the snapshots on the disk', () => {
  async function withSnapshot() {
    const bench = await workbench('nft')
    await bench.load('ipv4', livedIn('ipv4'))
    const outcome = await bench.apply(await bench.planTo({ ipv4: changed('ipv4') }))
    if (outcome.kind !== 'applied') throw new Error(outcome.kind)
    return { bench, id: outcome.snapshot, path: join(bench.stateDir.snapshots, outcome.snapshot) }
  }

  test('say who, when, why and of what, and are private', async () => {
    const { bench, id, path } = await withSnapshot()
    await using _ = bench

    const { meta, dumps } = await readSnapshot(bench.stateDir)

    expect(meta).toMatchObject({ id, reason: 'test', families: { ipv4: { backend: 'nft' } } })
    expect(meta.user).not.toBe('')
    expect(id.startsWith(meta.createdAt.replaceAll(/[-:]/g, ''))).toBe(true)
    expect(dumps.ipv4).toContain('[7:8] -A INPUT -s 192.0.2.1/32')
    for (const file of [path, join(path, 'meta.json'), join(path, 'ipv4.rules')]) {
      expect((await stat(file)).mode & 0o077).toBe(0)
    }
  })

  test('that were changed are not gone back to', async () => {
    const { bench, path } = await withSnapshot()
    await using _ = bench
    await appendFile(join(path, 'ipv4.rules'), '*filter\n-I INPUT -j ACCEPT\nCOMMIT\n')

    await expect(readSnapshot(bench.stateDir)).rejects.toMatchObject({ code: 'untrusted-file' })
    await expect(wayBack(bench)).rejects.toMatchObject({ code: 'untrusted-file' })
  })

  test('are pruned from the oldest on, and the last one is always kept', async () => {
    const { bench, id } = await withSnapshot()
    await using _ = bench
    for (const dump of [livedIn('ipv4'), changed('ipv4'), livedIn('ipv4')]) {
      await bench.apply(await bench.planTo({ ipv4: dump }), { rehearse: 'off' })
    }
    const all = await listSnapshots(bench.stateDir)
    expect(all).toHaveLength(4)

    expect(await pruneSnapshots(bench.stateDir, { keep: 3 })).toEqual([id])
    expect(await pruneSnapshots(bench.stateDir, { before: new Date(Date.now() + 60_000) })).toEqual(
      all.slice(1, 3),
    )
    expect(await pruneSnapshots(bench.stateDir, { keep: 0 })).toEqual([])
    expect(await listSnapshots(bench.stateDir)).toEqual(all.slice(3))
  })

  test('that are only half written are not there', async () => {
    const { bench, id, path } = await withSnapshot()
    await using _ = bench
    const half = join(bench.stateDir.snapshots, `.${id.replace(/....$/, 'ffff')}.tmp`)
    await mkdir(half)
    await writeFile(join(half, 'meta.json'), await readFile(join(path, 'meta.json')))

    expect(await listSnapshots(bench.stateDir)).toEqual([id])
  })
})

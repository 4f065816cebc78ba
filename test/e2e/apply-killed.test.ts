import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { readApplied } from '../../src/host/applied.ts'
import { confirmPending } from '../../src/host/confirm.ts'
import { readJournal } from '../../src/host/journal.ts'
import type { Plan } from '../../src/plan/plan.ts'
import { serialisePlan } from '../../src/plan/saved.ts'
import { FAMILIES } from '../../src/ruleset/model.ts'
import type { KilledApply } from './killed-apply.ts'
import { BACKENDS } from './namespace.ts'
import { freshWatchdog } from './watchdog-bundle.ts'
import { type Workbench, workbench } from './workbench.ts'

const LIVED_IN = `*filter
:INPUT DROP [1:2]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:OLD - [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -j OLD
-A OLD -j DROP
COMMIT
`
const GOAL = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:NEW - [0:0]
-A INPUT -p tcp -m tcp --dport 2222 -j ACCEPT
-A INPUT -j NEW
-A NEW -j DROP
COMMIT
`

async function killedAt(
  bench: Workbench,
  plan: Plan,
  at: KilledApply['at'],
  more: Pick<KilledApply, 'confirmWithin'> = {},
): Promise<void> {
  const path = join(bench.stateRoot, 'plan.json')
  await writeFile(path, serialisePlan(plan))
  const request: KilledApply = {
    backend: bench.backend,
    pid: bench.scratch.pid,
    stateRoot: bench.stateRoot,
    plan: path,
    at,
    ...more,
  }
  const script = join(import.meta.dirname, 'killed-apply.ts')
  const child = spawn(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), script, JSON.stringify(request)],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let stderr = ''
  child.stderr.on('data', (text) => {
    stderr += text
  })
  const [status, signal] = await once(child, 'close')
  expect({ status, signal, stderr }).toMatchObject({ status: null, signal: 'SIGKILL' })
}

/** The records that have no name yet. */
async function recordsOf({ stateDir }: Workbench): Promise<readonly string[]> {
  const names = await readdir(stateDir.path)
  return names.filter((name) => name.endsWith('.tmp')).map((name) => join(stateDir.path, name))
}

beforeAll(freshWatchdog)

describe.each(BACKENDS)('fwctl killed while it applies, on %s', (backend) => {
  async function lived() {
    const bench = await workbench(backend)
    for (const family of FAMILIES) await bench.load(family, LIVED_IN)
    const saved = [await bench.save('ipv4'), await bench.save('ipv6')]
    const plan = await bench.planTo({ ipv4: GOAL, ipv6: GOAL })
    return { bench, saved, plan }
  }

  test('before the first restore: the next run drops the journal', async () => {
    const { bench, saved, plan } = await lived()
    await using _ = bench
    await killedAt(bench, plan, 'journal')
    expect(await readJournal(bench.stateDir)).toBeDefined()
    expect([await bench.save('ipv4'), await bench.save('ipv6')]).toEqual(saved)

    expect(await bench.apply(plan)).toMatchObject({
      kind: 'applied',
      recovery: { kind: 'dropped' },
    })
    expect(await readJournal(bench.stateDir)).toBeUndefined()
  })

  test('between the families: the next run puts the first back, to the byte', async () => {
    const { bench, saved, plan } = await lived()
    await using _ = bench
    await killedAt(bench, plan, 'half')
    expect(await bench.save('ipv4')).not.toBe(saved[0])

    // A plan for something else: it stops as stale, but not before the host is whole.
    const stale = await bench.planTo({ ipv4: GOAL.replace('2222', '3333'), ipv6: LIVED_IN })
    await expect(bench.apply(stale)).rejects.toMatchObject({
      code: 'stale-plan',
      message: expect.stringMatching(
        /An apply that began at .* was cut short half-way; it has been undone, .*no longer those/,
      ),
      details: { recovery: { kind: 'undone' } },
    })

    expect([await bench.save('ipv4'), await bench.save('ipv6')]).toEqual(saved)
    expect(await readJournal(bench.stateDir)).toBeUndefined()
  })

  test('after the last restore: the next run records what is done', async () => {
    const { bench, plan } = await lived()
    await using _ = bench
    await killedAt(bench, plan, 'done')
    const saved = [await bench.save('ipv4'), await bench.save('ipv6')]
    expect(await readApplied(bench.stateDir)).toBeUndefined()

    const next = await bench.planTo({ ipv4: GOAL, ipv6: GOAL })
    expect(await bench.apply(next)).toMatchObject({
      kind: 'unchanged',
      recovery: { kind: 'completed' },
    })

    expect([await bench.save('ipv4'), await bench.save('ipv6')]).toEqual(saved)
    expect(await readApplied(bench.stateDir)).toMatchObject({ reason: 'to be killed' })
  })

  test('days ago: what is to be recorded has not been swept away', async () => {
    const { bench, plan } = await lived()
    await using _ = bench
    await killedAt(bench, plan, 'done')
    const [record = ''] = await recordsOf(bench)
    await utimes(record, 1, 1)

    const next = await bench.planTo({ ipv4: GOAL, ipv6: GOAL })
    expect(await bench.apply(next)).toMatchObject({ recovery: { kind: 'completed' } })

    expect(await readApplied(bench.stateDir)).toMatchObject({ reason: 'to be killed' })
  })

  test.each(['removed', 'changed'])(
    'and what is to be recorded is %s: nothing is done about what can not be told',
    async (what) => {
      const { bench, plan } = await lived()
      await using _ = bench
      await killedAt(bench, plan, 'half')
      const half = [await bench.save('ipv4'), await bench.save('ipv6')]
      const [record = ''] = await recordsOf(bench)
      if (what === 'removed') await rm(record)
      else await writeFile(record, (await readFile(record, 'utf8')).replace('2222', '3333'))

      const next = await bench.planTo({ ipv4: GOAL, ipv6: GOAL })
      await expect(bench.apply(next)).rejects.toMatchObject({
        code: 'rollback-incomplete',
        message: expect.stringContaining('what it was to lead to is not there, or was changed'),
      })

      expect([await bench.save('ipv4'), await bench.save('ipv6')]).toEqual(half)
    },
  )

  test('before the first restore, without what is to be recorded: the journal is dropped', async () => {
    const { bench, plan } = await lived()
    await using _ = bench
    await killedAt(bench, plan, 'journal')
    for (const record of await recordsOf(bench)) await rm(record)

    expect(await bench.apply(plan)).toMatchObject({
      kind: 'applied',
      recovery: { kind: 'dropped' },
    })
  })

  test('in the middle of a restore: the next run finds one whole state or the other', async () => {
    const { bench, saved, plan } = await lived()
    await using _ = bench
    await killedAt(bench, plan, 'restore')
    await new Promise((resolve) => setTimeout(resolve, 300))
    const goal = await bench.planTo({ ipv4: LIVED_IN, ipv6: LIVED_IN })

    await bench.apply(goal).catch((error) => expect(error).toMatchObject({ code: 'stale-plan' }))

    expect([await bench.save('ipv4'), await bench.save('ipv6')]).toEqual(saved)
    expect(await readJournal(bench.stateDir)).toBeUndefined()
  })

  test('between the families, and then confirmed: nobody confirms what is not all there', async () => {
    const { bench, saved, plan } = await lived()
    await using _ = bench
    await killedAt(bench, plan, 'half', { confirmWithin: 60 })

    const { executor } = bench.scratch
    const confirmed = await confirmPending({ executor }, bench.stateDir, {
      by: 'x',
      lockWaitMs: 1000,
    })

    expect(confirmed).toMatchObject({
      kind: 'too-late',
      change: { outcome: 'what was cut short has been taken back' },
    })
    expect([await bench.save('ipv4'), await bench.save('ipv6')]).toEqual(saved)
    expect(await readApplied(bench.stateDir)).toBeUndefined()
    expect(await readJournal(bench.stateDir)).toBeUndefined()
  })

  test('after the last restore, and then confirmed: it stays', async () => {
    const { bench, plan } = await lived()
    await using _ = bench
    await killedAt(bench, plan, 'done', { confirmWithin: 60 })
    const now = [await bench.save('ipv4'), await bench.save('ipv6')]

    const { executor } = bench.scratch
    const confirmed = await confirmPending({ executor }, bench.stateDir, {
      by: 'x',
      lockWaitMs: 1000,
    })

    expect(confirmed).toMatchObject({ kind: 'confirmed' })
    expect([await bench.save('ipv4'), await bench.save('ipv6')]).toEqual(now)
    expect(await readApplied(bench.stateDir)).toMatchObject({ reason: 'to be killed' })
  })

  test('the kernel it was changing is gone: the journal is void', async () => {
    const { bench, plan } = await lived()
    await using _ = bench
    await killedAt(bench, plan, 'half')
    await using other = await workbench(backend)

    const outcome = await other.apply(await other.planTo({ ipv4: '' }), {
      stateDir: bench.stateDir,
    })

    expect(outcome).toMatchObject({ kind: 'unchanged', recovery: { kind: 'dropped' } })
    expect(await other.save('ipv4')).toBe('')
  })
})

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { FwctlError } from '../../src/base/error.ts'
import { detectBackend } from '../../src/host/backend.ts'
import { serialisePlan } from '../../src/plan/saved.ts'
import type { Report } from '../faults/fault.ts'
import type { FaultyApply } from '../faults/faulty-apply.ts'
import { type MountNamespace, mountNamespace } from './mount-namespace.ts'
import { BACKENDS } from './namespace.ts'
import { type Workbench, workbench } from './workbench.ts'

const BEFORE = `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -s 192.0.2.1/32 -j DROP
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
[5:500] -A INPUT -p tcp -m tcp --dport 8080 -j ACCEPT
COMMIT
`
const AFTER = `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 81 -j REDIRECT --to-ports 8081
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`

describe.each(BACKENDS)('several tables on %s', (backend) => {
  test('the table that shuts comes first, the one that opens last; refused in between, all go back', async () => {
    await using bench = await workbench(backend)
    await bench.load('ipv4', BEFORE)
    const saved = inOrder(await bench.save('ipv4'))
    const plan = await bench.planTo({ ipv4: AFTER })
    const blocks = plan.families[0]?.batch.text.match(/^\*\w+/gm)
    expect(blocks).toEqual(['*filter', '*raw', '*nat'])

    const seen: string[] = []
    let isFirst = true
    const error: FwctlError = await bench
      .apply(plan, {
        rehearse: 'off',
        executor: {
          ...bench.scratch.executor,
          run: async (command) => {
            if (!isFirst || !command.program.endsWith('-restore')) {
              return bench.scratch.executor.run(command)
            }
            isFirst = false
            const spoil = (text: string) =>
              text.replace(/^(\*nat\n[^*]*?)COMMIT\n/m, '$1-D INPUT 9999\nCOMMIT\n')
            const { input = '', rest } = command
            const spoilt = rest
              ? { ...command, rest: async () => spoil(await rest()) }
              : { ...command, input: spoil(input) }
            const result = await bench.scratch.executor.run(spoilt)
            seen.push(await bench.save('ipv4'))
            return result
          },
        },
      })
      .catch((e) => e)

    expect(error.code).toBe('rolled-back')
    // The last block, nat, was refused: filter and raw had been committed by then.
    expect(seen[0]).toContain('--dport 22 -j ACCEPT')
    expect(seen[0]).toContain('--to-ports 8080')
    expect(seen[0]).not.toContain('192.0.2.1')
    expect(inOrder(await bench.save('ipv4'))).toBe(saved)
  })

  test('when neither forward nor back works, the error says what each chain holds', async () => {
    await using bench = await workbench(backend)
    await bench.load('ipv4', BEFORE)
    const plan = await bench.planTo({ ipv4: AFTER })
    let restores = 0
    const error: FwctlError = await bench
      .apply(plan, {
        rehearse: 'off',
        executor: {
          ...bench.scratch.executor,
          run: async (command) => {
            if (!command.program.endsWith('-restore')) return bench.scratch.executor.run(command)
            if (restores++ > 0) return { status: 4, stdout: '', stderr: 'line 2: no memory' }
            const { input = '', rest } = command
            const cut = (text: string) => text.split(/(?<=^COMMIT\n)/m)[0] ?? ''
            await bench.scratch.executor.run(
              rest
                ? { ...command, rest: async () => cut(await rest()) }
                : { ...command, input: cut(input) },
            )
            return { status: 4, stdout: '', stderr: 'line 2: no memory' }
          },
        },
      })
      .catch((e) => e)

    expect(error.code).toBe('rollback-incomplete')
    expect(error.message).toContain('ipv4 filter FORWARD: as planned')
    expect(error.message).toContain('ipv4 filter INPUT: as planned')
    expect(error.message).toContain('all other chains are as before')
    expect(error.details.state).toContainEqual({ chain: 'ipv4 nat PREROUTING', holds: 'before' })

    // And the next run goes on with the way back.
    const saved = await bench.apply(await bench.planTo({ ipv4: AFTER }))
    expect(saved).toMatchObject({ kind: 'applied', recovery: { kind: 'undone' } })
  })
})

describe('the state directory is on a disk that is', () => {
  test('full, at whichever write: nothing is changed, or all of it and the next run writes it down', async () => {
    await using bench = await workbench('nft')
    const ends = new Set<string>()
    for (const pages of [1, 2, 3, 4, 5, 6, 7, 8, 10, 14]) {
      await using disk = await smallDisk(bench.stateRoot, pages * 4)
      await bench.load(
        'ipv4',
        `*filter\n:INPUT ACCEPT [0:0]\n-F INPUT\n-A INPUT -s 192.0.2.${pages}/32\nCOMMIT\n`,
      )
      const saved = await bench.save('ipv4')
      const goal = saved.replace(/-A INPUT .*/, '-A INPUT -s 198.51.100.1/32')
      const report = await applyOn(disk, bench, goal)
      const now = await bench.save('ipv4')
      const isNew = now.includes('198.51.100.1')
      ends.add(`${report.outcome} ${isNew ? 'new' : 'old'}`)
      if (report.outcome === 'applied' || report.message?.includes('applied and checked')) {
        expect(isNew).toBe(true)
      } else {
        expect(report.message).toContain('ENOSPC')
        expect(now).toBe(saved)
      }
    }
    expect([...ends]).toEqual(expect.arrayContaining(['failed old', 'applied new']))
  })

  test('read-only: nothing is changed, and the file is named', async () => {
    await using bench = await workbench('nft')
    await using disk = await smallDisk(bench.stateRoot, 256)
    // The lock and the folders are there already, as after the first apply.
    await applyOn(disk, bench, '*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s 192.0.2.1/32\nCOMMIT\n')
    await disk.run('mount', ['-o', 'remount,ro', bench.stateRoot])
    const saved = await bench.save('ipv4')

    const report = await applyOn(disk, bench, '*filter\n:INPUT DROP [0:0]\nCOMMIT\n')

    expect(report).toMatchObject({ outcome: 'failed' })
    expect(report.message).toContain('EROFS')
    expect(await bench.save('ipv4')).toBe(saved)
  })
})

/** A file system of so many KiB, which only processes in its mount namespace see. */
async function smallDisk(path: string, kibibytes: number): Promise<MountNamespace> {
  const namespace = await mountNamespace()
  const options = `size=${kibibytes}k,mode=700`
  await namespace.run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path])
  return namespace
}

/** Applies in a process that sees the small disk. */
async function applyOn(disk: MountNamespace, bench: Workbench, goal: string): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'fwctl-test-'))
  try {
    const plan = join(folder, 'plan.json')
    await writeFile(plan, serialisePlan(await bench.planTo({ ipv4: goal })))
    const request: FaultyApply = {
      backend: await detectBackend(bench.scratch.executor, bench.backend),
      pid: bench.scratch.pid,
      stateRoot: bench.stateRoot,
      plan,
      rehearse: 'off',
      fault: { kind: 'none' },
    }
    const script = join(import.meta.dirname, '../faults/faulty-apply.ts')
    const node = [process.execPath, '--import', import.meta.resolve('tsx'), script]
    const [program = '', ...words] = [...disk.entry, ...node, JSON.stringify(request)]
    const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] })
    let stdout = ''
    child.stdout.on('data', (text) => {
      stdout += text
    })
    await once(child, 'close')
    return JSON.parse(stdout) as Report
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The kernel orders tables as it likes; policies' counters are reset by others on legacy. */
function inOrder(dump: string): string {
  return dump
    .replaceAll(/^(:\w+ (ACCEPT|DROP)) .*$/gm, '$1')
    .split(/(?<=^COMMIT\n)/m)
    .toSorted()
    .join('')
}

import { describe, expect, test } from 'vitest'
import type { Command, Executor, Result } from '../../src/host/executor.ts'
import type { LoadedPolicy } from '../../src/policy/load.ts'
import { parsePolicy } from '../../src/policy/parse.ts'
import { BACKENDS } from './namespace.ts'
import { applyPolicy } from './policy-on-host.ts'
import { type Workbench, workbench } from './workbench.ts'

function policy(sets: string, used: string): LoadedPolicy {
  return parsePolicy(`apiVersion: fwctl/v1
sets:
${sets}
tables:
  filter:
    chains:
      INPUT:
        rules:
          - { match: { set: { match-set: ${used} src } }, jump: DROP }
          - { jump: ACCEPT }
`)
}

const FIRST = policy(
  `  block: { type: hash:ip, counters: true, entries: [10.0.0.1] }
  old: { type: hash:ip, entries: [10.0.0.9] }`,
  'block',
)
/** Fills and swaps one set, makes another and removes a third. */
const NEXT = policy(
  `  block: { type: hash:ip, timeout: 0, entries: [10.0.0.1, 10.0.0.2] }
  fresh: { type: hash:net, family: inet6, entries: ["2001:db8::/32"] }`,
  'fresh',
)

/** Everything that there is: sets, and rules of both families. */
async function state(bench: Workbench): Promise<readonly string[]> {
  const sets = await bench.scratch.run('ipset', ['save'])
  const lines = sets.replaceAll(/ (initval \S+|hashsize \d+)/g, '').split('\n')
  return [lines.sort().join('\n'), await bench.save('ipv4'), await bench.save('ipv6')]
}

/** Whether a command changes sets or rules. */
function isChange({ program, args, input }: Command): boolean {
  const isRestore = program.endsWith('-restore') && args.includes('--counters')
  return input !== undefined && (isRestore || args.includes('restore'))
}

/** Lets the change number `step`, from 0, run into `accident`; what comes after runs as it should. */
function withAccident(
  executor: Executor,
  step: number,
  accident: (command: Command) => Promise<Result>,
): Executor {
  let changes = 0
  const run = (command: Command): Promise<Result> =>
    isChange(command) && changes++ === step ? accident(command) : executor.run(command)
  return { ...executor, run }
}

/** The same, but it is the end of fwctl: nothing runs after it. */
function killed(
  executor: Executor,
  step: number,
  last: (command: Command) => Promise<unknown>,
): Executor {
  let isDead = false
  const mortal = withAccident(executor, step, async (command) => {
    await last(command)
    isDead = true
    throw new Error('killed')
  })
  const run = async (command: Command): Promise<Result> => {
    if (isDead) throw new Error('killed')
    return mortal.run(command)
  }
  return { ...mortal, run }
}

/** The first lines of what a command was to read. */
function beginning(command: Command, lines: number): Command {
  const input = (command.input ?? '').split('\n').slice(0, lines)
  return { ...command, input: input.map((line) => `${line}\n`).join('') }
}

const REFUSED: Result = { status: 1, stdout: '', stderr: 'ipset: Error in line 1: refused' }

describe.each(BACKENDS)('an apply of sets and rules on %s', (backend) => {
  test('that fails at any step leaves sets, entries, counters and rules as they were', async () => {
    await using bench = await workbench(backend)
    const { executor } = bench.scratch
    const where = { executor, stateDir: bench.stateDir, backend }
    await applyPolicy(FIRST, where)
    await bench.scratch.run('ipset', [
      'add',
      'block',
      '10.0.0.1',
      'packets',
      '7',
      'bytes',
      '8',
      '-exist',
    ])
    const before = await state(bench)
    // Sets filled and swapped, IPv4 rules, IPv6 rules, sets removed.
    for (const step of [0, 1, 2, 3]) {
      const failing = withAccident(executor, step, async () => REFUSED)
      const attempt = applyPolicy(NEXT, { ...where, executor: failing })
      await expect(attempt, `step ${step}`).rejects.toMatchObject({ code: 'rolled-back' })
      expect(await state(bench), `step ${step}`).toEqual(before)
    }
    for (const lines of [2, 4, 6]) {
      const failing = withAccident(executor, 0, async (command) => {
        await executor.run(beginning(command, lines))
        return { signal: 'SIGKILL', stdout: '', stderr: '' }
      })
      const attempt = applyPolicy(NEXT, { ...where, executor: failing })
      await expect(attempt, `${lines} lines`).rejects.toMatchObject({ code: 'rolled-back' })
      expect(await state(bench), `${lines} lines`).toEqual(before)
    }
  })

  test('that was killed at any instant is undone by the next run, leftovers too', async () => {
    await using bench = await workbench(backend)
    const { executor } = bench.scratch
    const where = { executor, stateDir: bench.stateDir, backend }
    await applyPolicy(FIRST, where)
    const before = await state(bench)
    const instants = [0, 2, 5, 6].map((lines) => [0, lines] as const)
    for (const [step, lines] of [...instants, [1, 0], [2, 0], [3, 0]] as const) {
      const dying = killed(executor, step, (command) => executor.run(beginning(command, lines)))
      await expect(applyPolicy(NEXT, { ...where, executor: dying })).rejects.toThrow()
      // The plan of this run may be made from what the killed one left; it recovers all the same.
      await applyPolicy(FIRST, where).catch((error) => expect(error.code).toBe('stale-plan'))
      expect(await applyPolicy(FIRST, where)).toMatchObject({ kind: 'unchanged' })
      expect(await state(bench), `step ${step}, ${lines} lines`).toEqual(before)
    }
  })
})

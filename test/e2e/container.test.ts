import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { containerExecutor, type Engine, findContainer } from '../../src/host/container.ts'
import type { Executor } from '../../src/host/executor.ts'
import { localExecutor } from '../../src/host/local-executor.ts'
import { netnsExecutor, requireNamespace } from '../../src/host/netns-executor.ts'
import { runCli, temporaryFolder } from '../cli/run-cli.ts'
import { type Scratch, scratchNamespace } from './namespace.ts'

type Answers = Readonly<Record<string, (args: readonly string[]) => string | undefined>>

/** This machine with other container engines: what each program says, undefined is a failure. */
function withEngines(answers: Answers): Executor {
  const local = localExecutor()
  return {
    ...local,
    find: async (program) => {
      if (program in answers) return `/opt/fake/${program}`
      return /^(docker|podman|nerdctl|crictl|machinectl|lxc-info)$/.test(program)
        ? undefined
        : local.find(program)
    },
    run: async (command) => {
      const answer = answers[command.program]
      if (answer === undefined) return local.run(command)
      const stdout = answer(command.args)
      return stdout === undefined
        ? { status: 1, stdout: '', stderr: 'no such object\n' }
        : { status: 0, stdout, stderr: '' }
    },
  }
}

const pidOf = (it: Scratch) => (): string => `${it.pid}\n`

test.each<[string, Engine]>([
  ['docker', 'docker'],
  ['podman', 'podman'],
  ['nerdctl', 'nerdctl'],
  ['crictl', 'crictl'],
  ['machinectl', 'machinectl'],
  ['lxc-info', 'lxc'],
])('the network of a container is found through %s', async (program, engine) => {
  await using it = await scratchNamespace()
  const asked: string[] = []
  const base = withEngines({
    [program]: (args) => {
      asked.push(...args)
      return pidOf(it)()
    },
  })
  const container = await findContainer(base, 'web-1')
  expect(container).toEqual({ engine, name: 'web-1', pid: it.pid })
  expect(asked.at(-1)).toBe('web-1')

  const inside = containerExecutor(base, container)
  expect(inside.stateKey).toBe(`container-${engine}-web-1`)
  await inside.run({ program: 'iptables', args: ['-N', 'IN-IT'], timeoutMs: 10_000 })
  expect(await it.save('nft', 'ipv4')).toContain(':IN-IT ')
})

describe('a container', () => {
  test('that two engines know has to be told apart', async () => {
    await using one = await scratchNamespace()
    await using other = await scratchNamespace()
    const base = withEngines({ docker: pidOf(one), podman: pidOf(other) })
    await expect(findContainer(base, 'web')).rejects.toThrow(
      'docker and podman both have a container web: say which one, --container docker:web',
    )
    expect(await findContainer(base, 'podman:web')).toMatchObject({ pid: other.pid })
  })

  test.each([
    [{}, 'none of them is installed'],
    [{ docker: () => undefined }, 'docker: exit status 1: no such object'],
    [{ docker: () => '0\n' }, 'docker: it does not run'],
  ])('that is not there is told', async (engines, message) => {
    await expect(findContainer(withEngines(engines), 'web')).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(message),
    })
  })

  test('without a network of its own is refused', async () => {
    const base = withEngines({ docker: () => `${process.pid}\n` })
    await expect(findContainer(base, 'web')).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('has no network of its own'),
    })
  })

  test.each(['', '-web', 'a b', '../etc', 'rkt:web', 'docker:-x'])(
    'is not called "%s"',
    async (name) => {
      await expect(findContainer(withEngines({}), name)).rejects.toMatchObject({ code: 'usage' })
    },
  )
})

describe('--netns', () => {
  test('takes a process, and a number as one where no namespace is called so', async () => {
    await using it = await scratchNamespace()
    await it.run('iptables', ['-N', 'IN-IT'])
    for (const text of [`pid:${it.pid}`, `${it.pid}`]) {
      using folder = temporaryFolder()
      const result = await runCli(['import', '--netns', text], { cwd: folder.path })
      expect(result.stdout, text).toContain('IN-IT')
    }
    const local = localExecutor()
    const name = `${10_000_000 + (randomBytes(2).readUInt16BE() % 1000)}`
    await local.run({ program: 'ip', args: ['netns', 'add', name], timeoutMs: 10_000 })
    try {
      expect(await requireNamespace(local, name)).toEqual({ kind: 'name', name })
    } finally {
      await local.run({ program: 'ip', args: ['netns', 'del', name], timeoutMs: 10_000 })
    }
  })

  test('tells of a process that is not there', async () => {
    const result = await runCli(['import', '--netns', 'pid:4194304'])
    expect(result.code).toBe(64)
    expect(result.stderr).toContain('Is that process there?')
    expect(netnsExecutor(localExecutor(), { kind: 'process', pid: 7 }).stateKey).toBe('netns-pid-7')
  })
})

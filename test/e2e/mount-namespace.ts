import { localExecutor } from '../../src/host/local-executor.ts'

/** A mount namespace of the test's own: what is mounted in it, nobody else sees. */
export interface MountNamespace extends AsyncDisposable {
  /** The words before a command that is to run in it. */
  readonly entry: readonly string[]
  /** Throws when the program fails. */
  run(program: string, args: readonly string[]): Promise<void>
}

/** It goes with the test, unless a process is left in it. */
export async function mountNamespace(): Promise<MountNamespace> {
  const local = localExecutor()
  const holder = await local.hold({
    program: 'unshare',
    args: ['--mount', '--propagation', 'private', 'cat'],
    timeoutMs: 10_000,
  })
  const nsenter = (await local.find('nsenter')) ?? 'nsenter'
  const [program, ...words] = [nsenter, `--mount=/proc/${holder.pid}/ns/mnt`, '--'] as const
  return {
    entry: [program, ...words],
    run: async (inside, args) => {
      const command = { program, args: [...words, inside, ...args], timeoutMs: 10_000 }
      const result = await local.run(command)
      if (result.status !== 0) throw new Error(result.stderr)
    },
    [Symbol.asyncDispose]: () => holder.stop(),
  }
}

/** Its own /run, with nothing of the machine's but the network namespaces, and these directories. */
export async function privateRun(
  { run }: MountNamespace,
  ...directories: readonly string[]
): Promise<void> {
  await run('mount', ['-t', 'tmpfs', 'tmpfs', '/mnt'])
  await run('mkdir', ['-p', '/mnt/netns', ...directories.map((name) => `/mnt/${name}`)])
  await run('mount', ['--rbind', '/run/netns', '/mnt/netns'])
  await run('mount', ['--no-mtab', '--move', '/mnt', '/run'])
}

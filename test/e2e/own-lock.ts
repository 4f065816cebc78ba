import type { Executor } from '../../src/host/executor.ts'

/** The xtables lock is not of a namespace but of the host: tests must not wait for others there. */
export function withOwnLock(base: Executor, lockFile: string): Executor {
  return {
    ...base,
    run: (command) => base.run({ ...command, env: { ...command.env, XTABLES_LOCKFILE: lockFile } }),
  }
}

import { FwctlError } from '../base/error.ts'
import type { Executor } from './executor.ts'
import { netnsExecutor } from './netns-executor.ts'

/** An empty network namespace that is gone when it is closed, or when fwctl dies. */
export interface ScratchNamespace {
  readonly executor: Executor
  /**
   * For XTABLES_LOCKFILE: a file of the namespace's own, so that a rehearsal neither waits for the
   * host's xtables lock nor holds it. It is in /proc, under the process that keeps the namespace,
   * and so needs no cleaning up either.
   */
  readonly lockFile: string
  close(): Promise<void>
}

/** Why there can be none. */
export interface NoScratchNamespace {
  readonly reason: string
}

const START_TIMEOUT_MS = 10_000

/**
 * Opens a scratch namespace, with CAP_SYS_ADMIN directly, else inside a user namespace. What it
 * shares with the host is the kernel: what loads here is valid there.
 */
export async function openScratchNamespace(
  executor: Executor,
  signal?: AbortSignal,
): Promise<ScratchNamespace | NoScratchNamespace> {
  const reasons: string[] = []
  for (const user of [false, true]) {
    const own = user ? ['--user', '--map-root-user'] : []
    try {
      const holder = await executor.hold({
        program: 'unshare',
        args: [...own, '--net', 'cat'],
        timeoutMs: START_TIMEOUT_MS,
        signal,
      })
      return {
        executor: netnsExecutor(executor, { kind: 'process', pid: holder.pid, user }),
        lockFile: `/proc/${holder.pid}/comm`,
        close: () => holder.stop(),
      }
    } catch (error) {
      if (!(error instanceof FwctlError) || error.code === 'cancelled') throw error
      reasons.push(error.message)
    }
  }
  return { reason: [...new Set(reasons)].join(' ') }
}

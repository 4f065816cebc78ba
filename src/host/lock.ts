import { FwctlError } from '../base/error.ts'
import type { Executor } from './executor.ts'

export interface Lock {
  /** The process that holds it. */
  readonly pid: number
  release(): Promise<void>
}

/** flock's own exit status for "busy", chosen so that it can not be mistaken for another failure. */
const BUSY_STATUS = 75
const START_MARGIN_MS = 10_000
const WAIT_MS = 10_000

/**
 * Takes a lock that the kernel holds for a child of ours: it is gone with fwctl, even by SIGKILL,
 * and so can not be stale. Waits for its turn; throws FwctlError `lock-busy` when the wait is over.
 *
 * @param executor Of the host that the file is on.
 */
export async function takeLock(
  executor: Executor,
  path: string,
  options: { readonly waitMs?: number; readonly signal?: AbortSignal | undefined } = {},
): Promise<Lock> {
  const { waitMs = WAIT_MS } = options
  const seconds = (waitMs / 1000).toFixed(3)
  try {
    const holder = await executor.hold({
      program: 'flock',
      args: [
        '--exclusive',
        '--wait',
        seconds,
        '--conflict-exit-code',
        `${BUSY_STATUS}`,
        path,
        'cat',
      ],
      timeoutMs: waitMs + START_MARGIN_MS,
      signal: options.signal,
    })
    return { pid: holder.pid, release: () => holder.stop() }
  } catch (error) {
    if (!(error instanceof FwctlError) || error.details.status !== BUSY_STATUS) throw error
    throw new FwctlError(
      'lock-busy',
      `Another program has held ${path} for ${waitMs / 1000} s. Nothing was changed; ` +
        'try again when it is done.',
      { details: { path, waitMs } },
    )
  }
}

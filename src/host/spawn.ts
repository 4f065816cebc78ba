import { type ChildProcess, spawn } from 'node:child_process'
import { type Command, FIXED_ENVIRONMENT } from './executor.ts'

/**
 * Starts a program, with nothing of the caller's but stdin. What a child creates (flock a lock file,
 * say) is nobody else's business. Spawning is synchronous, so nothing of fwctl's own sees this umask.
 * Worker threads may not set one; they keep the caller's.
 */
export function spawnPrivately(
  path: string,
  { args, env }: Pick<Command, 'args' | 'env'>,
  {
    stdin,
    stderr = 'pipe',
  }: {
    readonly stdin: 'pipe' | 'ignore'
    readonly stderr?: 'pipe' | 'ignore'
  },
): ChildProcess {
  const start = (): ChildProcess =>
    spawn(path, args, {
      env: { ...FIXED_ENVIRONMENT, ...env },
      cwd: '/',
      // In a session of its own, a child does not get the terminal's Ctrl-C: only fwctl decides whether
      // it is stopped. A restore that is under way has to come to its end.
      detached: true,
      stdio: [stdin, 'pipe', stderr],
    })
  const before = setUmask(0o077)
  try {
    return start()
  } finally {
    if (before !== undefined) setUmask(before)
  }
}

/** Undefined where it can not be set. */
function setUmask(mask: number): number | undefined {
  try {
    return process.umask(mask)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ERR_WORKER_UNSUPPORTED_OPERATION') return undefined
    throw error
  }
}

/** Whether watch is to keep its hands off: a file in the state directory, so that a restart heeds it. */
import { join } from 'node:path'
import { readSealed, writeSealed } from './private-file.ts'
import type { StateDir } from './state-dir.ts'

export interface Pause {
  /** ISO 8601, like `until`. */
  readonly since: string
  readonly by: string
  readonly reason?: string
  /** When it ends by itself; absent: when somebody resumes. */
  readonly until?: string
}

export async function writePause(
  stateDir: Pick<StateDir, 'path' | 'machine'>,
  pause: Pause,
): Promise<void> {
  await writeSealed(stateDir.machine, pausePath(stateDir), pause)
}

/** False when it was not paused. */
export async function removePause(stateDir: Pick<StateDir, 'path' | 'machine'>): Promise<boolean> {
  return stateDir.machine.files.remove(pausePath(stateDir))
}

/**
 * The pause that is on. One whose record is damaged is on: somebody wanted it. `file` is another one
 * whose mere presence is a pause.
 */
export async function readPause(
  stateDir: Pick<StateDir, 'path' | 'machine'>,
  options: { readonly now: Date; readonly file?: string | undefined },
): Promise<Pause | undefined> {
  const { now, file } = options
  if (file !== undefined) {
    const [found] = await stateDir.machine.files.inspect([file]).catch(() => [])
    if (found) return { since: new Date(found.modifiedMs).toISOString(), by: file }
  }
  let value: Readonly<Record<string, unknown>> | undefined
  try {
    value = await readSealed(stateDir.machine, pausePath(stateDir))
  } catch (error) {
    return { since: now.toISOString(), by: error instanceof Error ? error.message : String(error) }
  }
  if (value === undefined) return undefined
  // Its digest says that this is what fwctl wrote.
  const pause = value as unknown as Pause
  return pause.until !== undefined && new Date(pause.until) <= now ? undefined : pause
}

function pausePath({ path }: Pick<StateDir, 'path'>): string {
  return join(path, 'paused.json')
}

import { join } from 'node:path'
import type { Machine } from './executor.ts'
import type { StateDir } from './state-dir.ts'

/** Whoever is writing a file now is done by then. */
const MAX_AGE_MS = 10 * 60_000

/**
 * Removes what a killed fwctl was writing: nothing ever reads a file before it has its name. What can
 * not be removed is in nobody's way.
 *
 * @param kept The name of one that somebody does read.
 */
export async function sweepTemporaries(stateDir: StateDir, kept?: string): Promise<void> {
  const { machine } = stateDir
  const { files } = machine
  const found = await Promise.all(
    [stateDir.path, stateDir.snapshots].map(async (directory) => {
      const names = await files.list(directory).catch(() => [])
      return names
        .filter((one) => one.endsWith('.tmp') && one !== kept)
        .map((name) => join(directory, name))
    }),
  )
  const paths = found.flat()
  if (paths.length === 0) return
  const statuses = await files.inspect(paths).catch(() => [])
  const now = await clockOf(machine).catch(() => 0)
  const old = paths.filter((_, index) => {
    const { modifiedMs = now } = statuses[index] ?? {}
    return now - modifiedMs > MAX_AGE_MS
  })
  for (const path of old) await files.removeAll([path]).catch(() => undefined)
}

/** The clock that the files are dated by, which on another machine may be a wrong one. */
async function clockOf(machine: Machine): Promise<number> {
  if (machine.isHere) return Date.now()
  const { stdout } = await machine.run({ program: 'date', args: ['+%s'], timeoutMs: 10_000 })
  return Number(stdout) * 1000
}

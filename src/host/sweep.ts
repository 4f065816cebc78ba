import { lstat, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { StateDir } from './state-dir.ts'

/** Whoever is writing a file now is done by then. */
const MAX_AGE_MS = 10 * 60_000

/**
 * Removes what a killed fwctl was writing: nothing ever reads a file before it has its name. What can
 * not be removed is in nobody's way.
 */
export async function sweepTemporaries(stateDir: StateDir): Promise<void> {
  for (const directory of [stateDir.path, stateDir.snapshots]) {
    const names = await readdir(directory).catch(() => [])
    for (const name of names.filter((one) => one.endsWith('.tmp'))) {
      const path = join(directory, name)
      const age = await lstat(path).then(
        (stat) => Date.now() - stat.mtimeMs,
        () => 0,
      )
      if (age > MAX_AGE_MS) await rm(path, { recursive: true, force: true }).catch(() => undefined)
    }
  }
}

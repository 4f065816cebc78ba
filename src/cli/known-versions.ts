/**
 * What the programs of iptables say of their version, kept from run to run: starting one takes as long
 * as half of what Node needs to start. A file that is the same file, unchanged, has the same version.
 */
import { mkdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Command, Executor } from '../host/executor.ts'
import { cacheFolder } from './cache-folder.ts'
import type { Context } from './context.ts'
import { isSafelyReached, readOwnFile, writeOwnFile } from './own-file.ts'

/** What files are known to be, by what tells one from another. */
type Versions = Readonly<Record<string, string>>

/** For programs of this machine. */
export function withKnownVersions<E extends Executor>(
  executor: E,
  context: Pick<Context, 'env' | 'uid' | 'build' | 'options'>,
): E {
  const folder = cacheFolder(context)
  if (folder === undefined) return executor
  return {
    ...executor,
    run: async (command) => {
      const file = fileAskedForItsVersion(command)
      if (file === undefined) return executor.run(command)
      const known = readVersions(folder)
      const said = known[file]
      if (said !== undefined) return { status: 0, stdout: said, stderr: '' }
      const result = await executor.run(command)
      if (result.status === 0) writeVersions(folder, { ...known, [file]: result.stdout })
      return result
    },
  }
}

/**
 * Of the two binaries of iptables only: the name may also lead to a script, which may say something else
 * each time.
 */
function fileAskedForItsVersion({ program, args }: Command): string | undefined {
  if (args.length !== 1 || args[0] !== '--version') return undefined
  try {
    const path = realpathSync(program)
    if (!/\/xtables-(nft|legacy)-multi$/.test(path)) return undefined
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true })
    return [path, dev, ino, size, mtimeNs, ctimeNs].join(' ')
  } catch {
    return undefined
  }
}

const MAX_FILES = 8

function readVersions(folder: string): Versions {
  try {
    if (!isSafelyReached(folder)) return {}
    const value: unknown = JSON.parse(readOwnFile(pathIn(folder))?.toString() ?? '{}')
    const isKnown = typeof value === 'object' && value !== null
    return isKnown && Object.values(value).every(isText) ? (value as Versions) : {}
  } catch {
    return {}
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function writeVersions(folder: string, versions: Versions): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const newest = Object.fromEntries(Object.entries(versions).slice(-MAX_FILES))
    if (isSafelyReached(folder)) {
      writeOwnFile(pathIn(folder), [Buffer.from(JSON.stringify(newest))], false)
    }
  } catch {
    // Then it is asked each time.
  }
}

function pathIn(folder: string): string {
  return join(folder, 'versions.json')
}

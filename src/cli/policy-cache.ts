/**
 * What policies were compiled to, kept for the next run: most of a run over a large policy is spent on
 * reading its YAML.
 *
 * Goals, and how each is met:
 * 1. A run with it says and does what a run without it would. An entry holds everything that reading
 *    and compiling asked of the world, with the answers, and counts only while they are the same to
 *    the letter: files and their real paths, directories that a wildcard looked into, names of
 *    services and users, the dialects, the options and, where rules expire, the time (policy/asked.ts).
 * 2. Nobody but the user who runs fwctl can write one that is believed: the files are 0600 in a
 *    directory of 0700 that others can neither write nor replace. Entries of another build of fwctl
 *    are not looked at.
 * 3. It can be lost at any time. A damaged entry has another checksum, two runs write two files and
 *    rename them, and where nothing can be written nothing is said.
 * 4. It does not grow: the oldest entries go.
 */
import { mkdirSync, readdirSync, statSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { checksum } from '../base/checksum.ts'
import type { PolicyFiles } from '../policy/files.ts'
import { cacheFolder } from './cache-folder.ts'
import type { Context } from './context.ts'
import { isOwnDirectory, isSafelyReached, readOwnFile, writeOwnFile } from './own-file.ts'
import { type FoundEntry, readEntry } from './policy-entry.ts'

const MAX_ENTRIES = 64
const MAX_BYTES = 128 * 1024 * 1024

export interface PolicyCache {
  readonly find: (files: PolicyFiles) => FoundEntry | undefined
  readonly store: (bytes: readonly Uint8Array[]) => void
}

/**
 * The place of one policy in the cache; undefined where there is none.
 *
 * @param about.key All that the policy depends on and that is no question to the world.
 * @param about.text Of its main file: with another text it mostly has another place.
 */
export function openPolicyCache(
  about: { readonly key: string; readonly text: string },
  context: Pick<Context, 'env' | 'uid' | 'build' | 'options'>,
): PolicyCache | undefined {
  const base = cacheFolder(context)
  if (base === undefined) return undefined
  const folder = join(base, 'policies')
  const { key, text } = about
  const path = join(folder, `${checksum(Buffer.from(`${key}\n${outlineOf(text)}`))}.policy`)
  return {
    find: (files) => {
      try {
        if (!isSafelyReached(folder)) return undefined
        const bytes = readOwnFile(path)
        return bytes && readEntry(bytes, key, files)
      } catch {
        return undefined
      }
    },
    store: (bytes) => {
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        if (!isOwnDirectory(folder) || !isSafelyReached(folder)) return
        makeRoom(
          folder,
          bytes.reduce((sum, part) => sum + part.length, 0),
        )
        writeOwnFile(path, bytes, false)
      } catch {
        // Without a home, or on a read-only disk, there is no cache.
      }
    },
  }
}

/** What mostly tells one text from another. An entry has all of it, and is compared to the letter. */
function outlineOf(text: string): string {
  return `${text.length}\n${text.slice(0, 1000)}\n${text.slice(-1000)}`
}

/** The oldest go, and what runs that were cut short have left. */
function makeRoom(folder: string, bytes: number): void {
  const files = readdirSync(folder).flatMap((name) => {
    const stats = statSync(join(folder, name), { throwIfNoEntry: false })
    return stats === undefined ? [] : [{ name, size: stats.size, time: stats.mtimeMs }]
  })
  files.sort((a, b) => b.time - a.time)
  let total = bytes
  for (const [index, { name, size }] of files.entries()) {
    total += size
    if (index + 1 >= MAX_ENTRIES || total > MAX_BYTES) unlinkSync(join(folder, name))
  }
}

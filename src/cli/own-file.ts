/**
 * Files that fwctl keeps for itself and can do without. They are believed only when nobody but the user
 * who runs fwctl can have written them, and made only where that holds. All calls are synchronous:
 * Node loads nothing for them.
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

/** Undefined when there is none that can be believed. */
export function readOwnFile(path: string): Buffer | undefined {
  let file: number | undefined
  try {
    if (!isOwnDirectory(dirname(path))) return undefined
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
    const stats = fstatSync(file)
    return stats.isFile() && isOurs(stats, 0o077) ? readFileSync(file) : undefined
  } catch {
    return undefined
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

/**
 * Whole or not at all, and not where others could change it. Says nothing when it can not be done.
 *
 * @param synced Through to the disk, for what is believed without a checksum.
 */
export function writeOwnFile(path: string, parts: readonly Uint8Array[], synced: boolean): void {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    if (!isOwnDirectory(dirname(path))) return
    const file = openSync(temporary, 'wx', 0o600)
    try {
      for (const part of parts) {
        for (let at = 0; at < part.length; ) at += writeSync(file, part, at)
      }
      if (synced) fsyncSync(file)
      renameSync(temporary, path)
    } catch {
      unlinkSync(temporary)
    } finally {
      closeSync(file)
    }
  } catch {
    // A read-only installation, a full disk: then the next run has no such file either.
  }
}

/** Nobody else may write in it. */
export function isOwnDirectory(path: string): boolean {
  return isOurs(statSync(path), 0o022)
}

/** Nor put another one in its place, anywhere on the way to it. */
export function isSafelyReached(path: string): boolean {
  const ways = new Set([...parentsOf(path), ...parentsOf(realpathSync(path))])
  return [...ways].every((at) => {
    const stats = lstatSync(at)
    const isSticky = (stats.mode & 0o1000) !== 0
    const isShared = (stats.mode & 0o022) !== 0 && !isSticky && !stats.isSymbolicLink()
    return (stats.uid === 0 || stats.uid === process.geteuid?.()) && !isShared
  })
}

function parentsOf(path: string): readonly string[] {
  const parent = dirname(path)
  return parent === path ? [] : [parent, ...parentsOf(parent)]
}

/** Owned by the user who runs fwctl, with none of these permissions. */
function isOurs({ uid, mode }: Stats, forbidden: number): boolean {
  return uid === process.geteuid?.() && (mode & forbidden) === 0
}

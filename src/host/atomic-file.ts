import { randomBytes } from 'node:crypto'
import { chmod, open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { FwctlError } from '../base/error.ts'
import type { Staged } from './host-files.ts'
import { encodeText } from './lossless-text.ts'

/**
 * Writes a file so that whoever reads it, even after a power cut, finds the old text or the new one
 * and nothing in between. Mode 0600.
 */
export async function writeAtomically(path: string, text: string): Promise<void> {
  const staged = await stageFile(path, text)
  try {
    await staged.publish()
  } finally {
    await staged.discard()
  }
}

/** The same in two steps. */
export async function stageFile(path: string, text: string): Promise<Staged> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`
  let isPublished = false
  const discard = async (): Promise<void> => {
    if (!isPublished) await unlink(temporary).catch(() => undefined)
  }
  try {
    await writeSynced(temporary, text)
  } catch (error) {
    await discard()
    throw unwritable(path, error)
  }
  return {
    path: temporary,
    publish: async () => {
      try {
        await rename(temporary, path)
      } catch (error) {
        throw unwritable(path, error)
      }
      isPublished = true
      await syncDirectory(dirname(path))
    },
    discard,
  }
}

/** The same for a file that everybody may read, such as a unit of systemd. */
export async function replacePublic(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`
  try {
    await writeSynced(temporary, text)
    await chmod(temporary, 0o644)
    await rename(temporary, path)
  } catch (error) {
    await unlink(temporary).catch(() => undefined)
    throw unwritable(path, error)
  }
  await syncDirectory(dirname(path))
}

/** Writes a new file, mode 0600, through to the disk. Fails when it is there already. */
export async function writeSynced(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile(encodeText(text))
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    throw unwritable(path, error)
  }
}

/** Makes the directory's entries (a rename, a new or removed file) survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

function unwritable(path: string, error: unknown): FwctlError {
  if (error instanceof FwctlError) return error
  const why = error instanceof Error ? error.message : String(error)
  return new FwctlError('command-failed', `${path} could not be written: ${why}`, {
    cause: error,
    details: { path },
  })
}

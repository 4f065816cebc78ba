import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  realpathSync,
  type Stats,
} from 'node:fs'
import { chmod, mkdir, open, readdir, rename, rm, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { stageFile, syncDirectory, writeAtomically, writeSynced } from './atomic-file.ts'
import type { FileStatus, HostFiles, OpenedFile, Staged } from './host-files.ts'
import { decodeText } from './lossless-text.ts'

/**
 * The files of the machine that fwctl runs on. What every plan reads is read synchronously: Node takes
 * longer to load its promises of files than a disk takes for these.
 */
export const LOCAL_FILES: HostFiles = {
  inspect: async (paths) => paths.map(inspect),
  realPath: async (path) => {
    try {
      return realpathSync(path)
    } catch {
      return path
    }
  },
  read: async (paths) => paths.map(read),
  write: writeAtomically,
  stage: stageFile,
  writeDirectory: async (path, files) => {
    const staged = await stageDirectory(path, files)
    await staged.publish()
  },
  stageDirectory,
  makeDirectory: async (path) => {
    await mkdir(path, { recursive: true, mode: 0o700 })
  },
  makeFile: async (path) => {
    const { O_RDONLY, O_CREAT, O_NOFOLLOW } = constants
    const file = await open(path, O_RDONLY | O_CREAT | O_NOFOLLOW, 0o600)
    await file.close()
  },
  makePrivate: (path) => chmod(path, 0o700),
  list,
  remove,
  removeAll,
}

function inspect(path: string): FileStatus | undefined {
  try {
    return statusOf(lstatSync(path))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function read(path: string): OpenedFile | undefined {
  let file: number
  try {
    // Non-blocking: opening a planted FIFO must not hang.
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    const status = codeOf(error) === 'ELOOP' ? inspect(path) : undefined
    if (status?.kind === 'link') return { status, text: '' }
    throw error
  }
  try {
    const status = statusOf(fstatSync(file))
    return { status, text: status.kind === 'file' ? decodeText(readFileSync(file)) : '' }
  } finally {
    closeSync(file)
  }
}

async function stageDirectory(
  path: string,
  files: Readonly<Record<string, string>>,
): Promise<Staged> {
  const partial = temporaryFor(path)
  await mkdir(partial, { mode: 0o700 })
  const written = Object.entries(files).map(([name, text]) =>
    writeSynced(join(partial, name), text),
  )
  // Should one fail, nobody is told before the others have come to their ends, too.
  await Promise.allSettled(written)
  await Promise.all(written)
  await syncDirectory(partial)
  let isPublished = false
  return {
    publish: async () => {
      await rename(partial, path)
      isPublished = true
      await syncDirectory(dirname(path))
    },
    discard: async () => {
      if (!isPublished) await rm(partial, { recursive: true, force: true })
    },
  }
}

async function list(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}

async function remove(path: string): Promise<boolean> {
  try {
    await unlink(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
  await syncDirectory(dirname(path))
  return true
}

async function removeAll(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const partial = path.endsWith('.tmp') ? path : temporaryFor(path)
    if (partial !== path) await rename(path, partial)
    await rm(partial, { recursive: true })
  }
}

/** Where nobody takes it for something whole. */
function temporaryFor(path: string): string {
  return join(dirname(path), `.${basename(path)}.tmp`)
}

function statusOf(stats: Stats): FileStatus {
  const kind = stats.isFile()
    ? 'file'
    : stats.isDirectory()
      ? 'directory'
      : stats.isSymbolicLink()
        ? 'link'
        : 'other'
  return { kind, uid: stats.uid, mode: stats.mode & 0o7777, modifiedMs: stats.mtimeMs }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}

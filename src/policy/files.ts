/** The only file of the pure layers that reads the disk: the policy and what it includes. */
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import type { DiagnosticCode } from '../base/diagnostic.ts'

export type ReadResult =
  | { readonly text: string }
  | { readonly code: DiagnosticCode; readonly message: string }

export interface DirectoryEntry {
  readonly name: string
  readonly isDirectory: boolean
}

/** What the policy layer needs of a file system; tests hand in a map. */
export interface PolicyFiles {
  /** `-` is stdin. */
  readonly read: (path: string) => ReadResult
  /** The absolute path with symbolic links resolved; undefined when there is no such file. */
  readonly realPath: (path: string) => string | undefined
  /** Empty when it is no directory. */
  readonly list: (directory: string) => readonly DirectoryEntry[]
}

/** A policy of 10,000 rules has about 1 MiB. */
const POLICY_BYTES = 8 * 1024 * 1024

export const diskFiles: PolicyFiles = { read, realPath, list }

function read(path: string): ReadResult {
  try {
    if (path !== '-') {
      const stat = statSync(path)
      if (!stat.isFile() && !stat.isFIFO() && !stat.isCharacterDevice()) {
        return { code: 'file-unreadable', message: `${path} is not a file` }
      }
      if (stat.size > POLICY_BYTES) return tooLarge(path, stat.size)
    }
    const bytes = readFileSync(path === '-' ? 0 : path)
    if (bytes.length > POLICY_BYTES) return tooLarge(path, bytes.length)
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch (error) {
    return { code: 'file-unreadable', message: `can not read ${path}: ${reason(error)}` }
  }
}

function tooLarge(path: string, size: number): ReadResult {
  const message = `${path} has ${size} bytes, a policy at most ${POLICY_BYTES}`
  return { code: 'file-too-large', message }
}

function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOENT') return 'no such file'
  if (code === 'EACCES') return 'permission denied'
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'it is not UTF-8 text'
  return code ?? String(error)
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

function list(directory: string): readonly DirectoryEntry[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).map((entry) => ({
      name: entry.name,
      isDirectory: entry.isDirectory(),
    }))
  } catch {
    return []
  }
}

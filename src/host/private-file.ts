import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { digest } from '../base/digest.ts'
import { FwctlError } from '../base/error.ts'
import { writeAtomically } from './atomic-file.ts'
import { decodeText } from './lossless-text.ts'

/**
 * Reads a file of the state directory; undefined when there is none. It is opened without following
 * a symbolic link, and what was opened is what is checked: a file that is not ours, or that others
 * may write, is refused (FwctlError `untrusted-file`), whatever its name.
 */
export async function readPrivate(path: string): Promise<string | undefined> {
  let file: Awaited<ReturnType<typeof open>>
  try {
    // Non-blocking: opening a planted FIFO must not hang.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT') return undefined
    if (code === 'ELOOP') throw untrusted(path, 'is a symbolic link')
    throw error
  }
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw untrusted(path, 'is not a regular file')
    if (stat.uid !== process.geteuid?.()) throw untrusted(path, `belongs to user ${stat.uid}`)
    if (stat.mode & 0o022) throw untrusted(path, 'can be written by other users')
    return decodeText(await file.readFile())
  } finally {
    await file.close()
  }
}

/** Writes a value as JSON together with its own digest, so that a changed file is noticed. */
export async function writeSealed(path: string, value: object): Promise<void> {
  await writeAtomically(path, sealedText(value))
}

/** The text of a sealed file. */
export function sealedText(value: object): string {
  return `${JSON.stringify({ ...value, digest: sealOf(value) }, undefined, 2)}\n`
}

/**
 * Reads what `writeSealed` wrote, without the digest; undefined when there is no such file. Throws
 * FwctlError `untrusted-file` when it is damaged or was changed. The shape is for the caller to check.
 */
export async function readSealed(
  path: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const text = await readPrivate(path)
  if (text === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw untrusted(path, 'is not JSON')
  }
  if (typeof value !== 'object' || value === null) throw untrusted(path, 'is not a record')
  const { digest: stated, ...rest } = value as Record<string, unknown>
  if (stated !== sealOf(rest))
    throw untrusted(path, 'does not have the digest that it was written with')
  return rest
}

function sealOf(value: object): string {
  return digest(JSON.stringify(value))
}

function untrusted(path: string, what: string): FwctlError {
  return new FwctlError(
    'untrusted-file',
    `${path} ${what}, so it can not be relied on. Nothing was changed.`,
    { details: { path } },
  )
}

import { checksum } from '../base/checksum.ts'
import { digest } from '../base/digest.ts'
import { FwctlError } from '../base/error.ts'
import type { Machine } from './executor.ts'
import type { OpenedFile } from './host-files.ts'
import { encodeText } from './lossless-text.ts'

/**
 * Reads a file of the state directory; undefined when there is none. It is opened without following
 * a symbolic link, and what was opened is what is checked: a file that is not ours, or that others
 * may write, is refused (FwctlError `untrusted-file`), whatever its name.
 */
export async function readPrivate(machine: Machine, path: string): Promise<string | undefined> {
  const [text] = await readAllPrivate(machine, [path])
  return text
}

/** Several at once, which takes as long as one. */
export async function readAllPrivate(
  machine: Machine,
  paths: readonly string[],
): Promise<readonly (string | undefined)[]> {
  const [{ uid }, files] = await Promise.all([machine.account(), machine.files.read(paths)])
  return files.map((file, index) => file && checkedText(file, { path: paths[index] ?? '', uid }))
}

function checkedText(
  { status, text }: OpenedFile,
  { path, uid }: { readonly path: string; readonly uid: number },
): string {
  if (status.kind === 'link') throw untrusted(path, 'is a symbolic link')
  if (status.kind !== 'file') throw untrusted(path, 'is not a regular file')
  if (status.uid !== uid) throw untrusted(path, `belongs to user ${status.uid}`)
  if (status.mode & 0o022) throw untrusted(path, 'can be written by other users')
  return text
}

/** Writes a value as JSON together with its own digest, so that a changed file is noticed. */
export async function writeSealed(machine: Machine, path: string, value: object): Promise<void> {
  await machine.files.write(path, sealedText(value))
}

/** The text of a sealed file. */
export function sealedText(value: object): string {
  return sealed(value).text
}

/** With what it is sealed with. */
export function sealed(
  value: object,
  sealOf: SealOf = digest,
): { readonly text: string; readonly seal: string } {
  const json = JSON.stringify(value)
  const seal = sealOf(json)
  return { text: withSeal(value, json, seal), seal }
}

/**
 * What tells that a text was changed. Neither is proof against people, since whoever can write the text
 * can seal it too.
 */
type SealOf = (json: string) => string

/** For what every plan reads: a digest takes 3 ms to load, and 3 more for 10,000 rules. */
export function checksumOf(json: string): string {
  return `${CHECKSUM}${checksum(encodeText(json))}`
}

const CHECKSUM = 'sum:'

function withSeal(value: object, json: string, seal: string): string {
  // What nobody reads as it is, such as the record of 10,000 rules, is not laid out for it.
  if (json.length > LARGE) return `${json.slice(0, -1)}${SEAL}${seal}"}\n`
  return `${JSON.stringify({ ...value, digest: seal }, undefined, 2)}\n`
}

const LARGE = 64 * 1024
const SEAL = ',"digest":"'

/**
 * Reads what `writeSealed` wrote, without the digest; undefined when there is no such file. Throws
 * FwctlError `untrusted-file` when it is damaged or was changed. The shape is for the caller to check.
 */
export async function readSealed(
  machine: Machine,
  path: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const text = await readPrivate(machine, path)
  return text === undefined ? undefined : unsealed(text, path)
}

/** What a sealed text says; `path` is for messages. */
export function unsealed(text: string, path: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw untrusted(path, 'is not JSON')
  }
  if (typeof value !== 'object' || value === null) throw untrusted(path, 'is not a record')
  const { digest: stated, ...rest } = value as Record<string, unknown>
  const isSealed = typeof stated === 'string' && isSealedBy(stated, text, rest)
  if (!isSealed) throw untrusted(path, 'does not have the digest that it was written with')
  return rest
}

function isSealedBy(seal: string, text: string, value: object): boolean {
  const sealOf = seal.startsWith(CHECKSUM) ? checksumOf : digest
  const body = bodyAsItStands(text)
  return (body !== undefined && sealOf(body) === seal) || sealOf(JSON.stringify(value)) === seal
}

/** Of a text as `sealedText` lays out a large one: it need not be written once more to be compared. */
function bodyAsItStands(text: string): string | undefined {
  const at = text.lastIndexOf(SEAL)
  return at > 0 && text.endsWith('"}\n') ? `${text.slice(0, at)}}` : undefined
}

function untrusted(path: string, what: string): FwctlError {
  return new FwctlError(
    'untrusted-file',
    `${path} ${what}, so it can not be relied on. Nothing was changed.`,
    { details: { path } },
  )
}

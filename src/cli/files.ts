/** Files and streams named on the command line. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { chmod, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { FwctlError } from '../base/error.ts'
import { decodeText, encodeText } from '../host/lossless-text.ts'
import type { Context } from './context.ts'

/** Every byte survives, see `decodeText`. Throws `invalid-input` when there is no such file. */
export async function readInput(
  path: string,
  { cwd, stdinText }: Pick<Context, 'cwd' | 'stdinText'>,
): Promise<string> {
  if (path === '-') return stdinText()
  try {
    // Node takes longer to load its fs/promises than this takes for a dump.
    return decodeText(readFileSync(resolve(cwd, path)))
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    const reason =
      code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a directory' : code
    throw new FwctlError('invalid-input', `Can not read ${path}: ${reason}.`, { cause })
  }
}

/** The result of a verb: into a file if one is named, else to stdout. `mode` is of a new file. */
export async function writeResult(
  text: string,
  path: string | undefined,
  context: Pick<Context, 'cwd' | 'print' | 'note'>,
  { mode = 0o666 }: { readonly mode?: number } = {},
): Promise<void> {
  if (path === undefined || path === '-') return context.print(text)
  await writeFile(resolve(context.cwd, path), encodeText(text), { mode })
  context.note(`Wrote ${path}.`)
}

/** A new text for a file that somebody wrote by hand: whole or not at all, owner and mode kept. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const real = await realpath(path)
  const { mode } = await stat(real)
  const temporary = `${real}.${randomBytes(4).toString('hex')}.tmp`
  try {
    await writeFile(temporary, text, { flag: 'wx' })
    await chmod(temporary, mode)
    await rename(temporary, real)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

export async function readAll(stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(Buffer.from(chunk))
  return decodeText(Buffer.concat(chunks))
}

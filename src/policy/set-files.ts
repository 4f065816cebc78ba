/** Files of entries: one a line, `#` starts a comment. */
import { dirname, isAbsolute, join } from 'node:path/posix'
import type { Position } from '../base/diagnostic.ts'
import { hasControlCharacter } from './control-characters.ts'
import type { PolicyFiles } from './files.ts'
import type { Findings } from './findings.ts'
import { isInside } from './sources.ts'
import type { Value } from './value.ts'

export interface FileContext {
  readonly files: PolicyFiles
  /** The real path that every file must be in. */
  readonly root: string
  readonly findings: Findings
}

export interface Line {
  readonly text: string
  readonly at: Position
}

export interface EntryFile {
  readonly text: string
  readonly lines: readonly Line[]
}

/** Reads the file that `entries-from` names; undefined, and reported, when that is impossible. */
export function readEntryFile(value: Value, context: FileContext): EntryFile | undefined {
  const { files, root, findings } = context
  if (value.kind !== 'scalar' || value.unresolved) return undefined
  const { text: written, at } = value
  const folder = at.file === 'stdin' ? '.' : dirname(at.file)
  const path = isAbsolute(written) ? written : join(folder, written)
  const real = files.realPath(path)
  if (real === undefined) {
    findings.error('include-not-found', at, `entries-from "${written}": there is no such file`)
    return undefined
  }
  if (!isInside(root, real)) {
    const message = `entries-from "${written}" leaves the folder of the policy`
    findings.error('include-outside-root', at, message, `only files inside ${root} can be read`)
    return undefined
  }
  const read = files.read(path)
  if ('code' in read) {
    findings.error(read.code, at, read.message)
    return undefined
  }
  return { text: read.text, lines: entryLines(read.text, path, findings) }
}

function entryLines(text: string, file: string, findings: Findings): readonly Line[] {
  const lines: Line[] = []
  for (const [index, raw] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    const line = withoutComment(raw.endsWith('\r') ? raw.slice(0, -1) : raw)
    const start = line.search(/\S/)
    if (start < 0) continue
    const at = { file, line: index + 1, column: start + 1 }
    const words = line.trim().replaceAll('\t', ' ')
    if (hasControlCharacter(words)) {
      findings.error('control-character', at, 'the line has a control character')
      // What is no text has one in every line.
      return lines
    }
    lines.push({ text: words, at })
  }
  return lines
}

/** A `#` at the beginning or after a blank, unless it is in quotes. */
function withoutComment(line: string): string {
  if (!line.includes('#')) return line
  let quoted = false
  for (let i = 0; i < line.length; i++) {
    const char = line[i]
    if (char === '"') quoted = !quoted
    if (char === '#' && !quoted && (i === 0 || /\s/.test(line[i - 1] ?? '')))
      return line.slice(0, i)
  }
  return line
}

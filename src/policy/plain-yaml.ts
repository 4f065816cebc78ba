/**
 * Reads the YAML that policies are written in: block mappings and lists, flow collections on one line,
 * plain and quoted scalars on one line, comments. It takes a tenth of the time that `yaml` takes, which
 * is most of what a command takes.
 *
 * It never guesses. At the first thing that it does not know to the last detail it gives up, and the
 * whole text goes to `yaml`: anchors, tags, block scalars, what runs over several lines, unusual
 * numbers, and everything that is wrong. So `yaml` alone says what is wrong, and what is read here is
 * read there the same, positions included, which test/policy/plain-yaml.test.ts holds them to.
 */
import type { Position } from '../base/diagnostic.ts'
import type { Entry, Scalar, ScalarValue, Value } from './value.ts'

interface Line {
  readonly number: number
  readonly text: string
  /** The column of what is still to be read as a block, from 0: after `- ` it moves on. */
  indent: number
}

interface Reader {
  readonly file: string
  /** Those that hold something. */
  readonly lines: readonly Line[]
  /** The index of the line that is read. */
  at: number
  /** How far it is read, from 0. */
  column: number
}

/** What a text holds; undefined when `yaml` has to read it. */
export function readPlainYaml(text: string, file: string): Value | undefined {
  if (UNUSUAL_CHARACTER.test(text)) return undefined
  const lines = splitLines(text)
  if (lines === undefined || lines[0]?.indent !== 0) return undefined
  const reader = { file, lines, at: 0, column: 0 }
  const value = readBlock(reader, 0, 0)
  return reader.at === lines.length ? value : undefined
}

/** Tabs, carriage returns and control characters, and what YAML or people may take for a blank. */
const UNUSUAL_CHARACTER =
  /[^\n\x20-\x7e\u00a1-\u167f\u1681-\u1fff\u2010-\u2027\u2030-\u205e\u2070-\u2fff\u3001-\ud7ff]/

/** The deepest that a policy needs is 10. */
const DEPTH = 32

/** Undefined where a document begins or ends within the text. */
function splitLines(text: string): Line[] | undefined {
  const lines: Line[] = []
  let number = 0
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start)
    const end = newline < 0 ? text.length : newline
    let first = start
    while (first < end && text.charCodeAt(first) === BLANK) first++
    number++
    const code = text.charCodeAt(first)
    if (first < end && code !== HASH) {
      const isMarker = first === start && /^(?:---|\.\.\.|%)/.test(text.slice(start, start + 3))
      if (isMarker && (lines.length > 0 || text.slice(start, end) !== '---')) return undefined
      if (!isMarker) lines.push({ number, text: text.slice(start, end), indent: first - start })
    }
    start = end + 1
  }
  return lines
}

const BLANK = 32
const HASH = 35

function readBlock(reader: Reader, indent: number, depth: number): Value | undefined {
  const line = reader.lines[reader.at]
  if (line === undefined || depth > DEPTH) return undefined
  return isItem(line) ? readList(reader, indent, depth) : readMap(reader, indent, depth)
}

function isItem({ text, indent }: Line): boolean {
  return text.startsWith('- ', indent)
}

function readList(reader: Reader, indent: number, depth: number): Value | undefined {
  const items: Value[] = []
  let at: Position | undefined
  for (
    let line = reader.lines[reader.at];
    line?.indent === indent;
    line = reader.lines[reader.at]
  ) {
    if (!isItem(line)) break
    at ??= positionOf(reader, line, indent)
    const start = skipBlanks(line.text, indent + 1)
    line.indent = start
    const item =
      isItem(line) || matchKey(line.text, start) !== undefined
        ? readBlock(reader, start, depth + 1)
        : readRest(reader, line, start, depth)
    if (item === undefined) return undefined
    items.push(item)
  }
  return at && endsHere(reader, indent) ? { kind: 'list', items, at } : undefined
}

function readMap(reader: Reader, indent: number, depth: number): Value | undefined {
  const entries: Entry[] = []
  const keys = new Set<string>()
  let at: Position | undefined
  for (
    let line = reader.lines[reader.at];
    line?.indent === indent;
    line = reader.lines[reader.at]
  ) {
    const key = matchKey(line.text, indent)
    if (key === undefined || keys.has(key)) return undefined
    keys.add(key)
    const keyAt = positionOf(reader, line, indent)
    at ??= keyAt
    const start = skipBlanks(line.text, indent + key.length + 1)
    const value = endsAt(line.text, start)
      ? readBelow(reader, indent, depth)
      : readRest(reader, line, start, depth)
    if (value === undefined) return undefined
    entries.push({ key, keyAt, value })
  }
  return at && endsHere(reader, indent) ? { kind: 'map', entries, at } : undefined
}

/** What stands under a key. A list may stand under it without being indented. */
function readBelow(reader: Reader, indent: number, depth: number): Value | undefined {
  reader.at++
  const line = reader.lines[reader.at]
  if (line === undefined || line.indent < indent) return undefined
  if (line.indent > indent) return readBlock(reader, line.indent, depth + 1)
  return isItem(line) ? readList(reader, indent, depth + 1) : undefined
}

/** Whether what comes next belongs to a block further out, as it must after a block of this indent. */
function endsHere({ lines, at }: Reader, indent: number): boolean {
  const line = lines[at]
  return line === undefined || line.indent <= indent
}

/** The value that begins in this column, with which the line ends. */
function readRest(reader: Reader, line: Line, column: number, depth: number): Value | undefined {
  reader.column = column
  const value = readInline(reader, line, depth, blockEnd)
  if (value === undefined || !endsAt(line.text, skipBlanks(line.text, reader.column))) {
    return undefined
  }
  reader.at++
  return value
}

function readInline(
  reader: Reader,
  line: Line,
  depth: number,
  findEnd: FindEnd,
): Value | undefined {
  if (depth > DEPTH) return undefined
  switch (line.text[reader.column]) {
    case '{':
      return readFlowMap(reader, line, depth)
    case '[':
      return readFlowList(reader, line, depth)
    case '"':
      return readQuoted(reader, line, DOUBLE_QUOTED)
    case "'":
      return readQuoted(reader, line, SINGLE_QUOTED)
    default:
      return readPlain(reader, line, findEnd)
  }
}

function readFlowMap(reader: Reader, line: Line, depth: number): Value | undefined {
  const at = positionOf(reader, line, reader.column)
  const entries: Entry[] = []
  const keys = new Set<string>()
  while (!closes(reader, line, '}', entries.length)) {
    const { column } = reader
    const key = matchKey(line.text, column)
    if (key === undefined || keys.has(key)) return undefined
    keys.add(key)
    reader.column = skipBlanks(line.text, column + key.length + 1)
    const value = readInline(reader, line, depth + 1, flowEnd)
    if (value === undefined) return undefined
    entries.push({ key, keyAt: positionOf(reader, line, column), value })
  }
  return { kind: 'map', entries, at }
}

function readFlowList(reader: Reader, line: Line, depth: number): Value | undefined {
  const at = positionOf(reader, line, reader.column)
  const items: Value[] = []
  while (!closes(reader, line, ']', items.length)) {
    const item = readInline(reader, line, depth + 1, flowEnd)
    if (item === undefined) return undefined
    items.push(item)
  }
  return { kind: 'list', items, at }
}

/**
 * Goes over the opening bracket or the comma, to the next item. True at the closing bracket, which it
 * goes over as well. What stands there instead of them is no item either: reading that gives up.
 */
function closes(reader: Reader, { text }: Line, bracket: '}' | ']', count: number): boolean {
  let column = skipBlanks(text, reader.column)
  if (count === 0 || text[column] === ',') column = skipBlanks(text, column + 1)
  else if (text[column] !== bracket) column = text.length
  reader.column = text[column] === bracket ? column + 1 : column
  return text[column] === bracket
}

const DOUBLE_QUOTED = { pattern: /"(?:[^"\\]|\\["\\])*"/y, escaped: /\\(["\\])/g }
const SINGLE_QUOTED = { pattern: /'(?:[^']|'')*'/y, escaped: /'(')/g }

function readQuoted(
  reader: Reader,
  line: Line,
  { pattern, escaped }: typeof DOUBLE_QUOTED,
): ScalarValue | undefined {
  const { column } = reader
  pattern.lastIndex = column
  const [quoted] = pattern.exec(line.text) ?? []
  if (quoted === undefined) return undefined
  reader.column += quoted.length
  const value = quoted.slice(1, -1).replaceAll(escaped, '$1')
  const at = positionOf(reader, line, column)
  if (!line.text.startsWith(value, column + 1)) return { kind: 'scalar', value, text: value, at }
  return { kind: 'scalar', value, text: value, at, textAt: { ...at, column: at.column + 1 } }
}

/** The column where a plain scalar that begins in this one ends. */
type FindEnd = (text: string, column: number) => number

function blockEnd(text: string, column: number): number {
  const comment = text.indexOf(' #', column)
  return comment < 0 ? text.length : comment
}

function flowEnd(text: string, column: number): number {
  FLOW_END.lastIndex = column
  return FLOW_END.exec(text)?.index ?? text.length
}

const FLOW_END = /[,[\]{}#]/g

function readPlain(reader: Reader, line: Line, findEnd: FindEnd): ScalarValue | undefined {
  const start = reader.column
  const end = findEnd(line.text, start)
  reader.column = end
  const text = line.text.slice(start, end).trimEnd()
  if (!isPlain(text)) return undefined
  const at = positionOf(reader, line, start)
  const value = resolvePlain(text)
  if (value === undefined) return undefined
  return typeof value === 'string'
    ? { kind: 'scalar', value, text, at, textAt: at }
    : { kind: 'scalar', value, text, at }
}

/** With nothing in it that means something in YAML, where it stands or where others would see it. */
function isPlain(text: string): boolean {
  return /^(?:[\w./$+(<=;~^\\\u00a1-\uffff]|[-:](?=[\w.:/-]))/.test(text) && !/: |:$/.test(text)
}

/** The value of a plain scalar; undefined for a number that is not written in the usual way. */
function resolvePlain(text: string): Scalar | undefined {
  const constant = CONSTANTS.get(text)
  if (constant !== undefined) return constant
  if (!/^[-+.]?[\d.]/.test(text)) return text
  if (/^(?:0|[1-9]\d{0,14})$/.test(text)) return Number(text)
  return /[:/]|^\d+\.\d+\.|^\d+(?:-\d+|[a-z]+)$/.test(text) ? text : undefined
}

const CONSTANTS: ReadonlyMap<string, Scalar> = new Map<string, Scalar>([
  ...['true', 'True', 'TRUE'].map((text) => [text, true] as const),
  ...['false', 'False', 'FALSE'].map((text) => [text, false] as const),
  ...['null', 'Null', 'NULL', '~'].map((text) => [text, null] as const),
])

/** The key that begins in this column, with its colon behind it. */
function matchKey(text: string, column: number): string | undefined {
  KEY.lastIndex = column
  return KEY.exec(text)?.[0]
}

const KEY = /\w[\w./-]*(?=:(?: |$))/y

function skipBlanks(text: string, column: number): number {
  let end = column
  while (text.charCodeAt(end) === BLANK) end++
  return end
}

/** Whether nothing but a comment is left from this column on. */
function endsAt(text: string, column: number): boolean {
  return column >= text.length || (text[column] === '#' && text[column - 1] === ' ')
}

function positionOf({ file }: Reader, { number }: Line, column: number): Position {
  return { file, line: number, column: column + 1 }
}

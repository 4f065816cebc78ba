/**
 * Reads the YAML that policies are written in: block mappings and lists, flow collections on one line,
 * plain and quoted scalars on one line, comments. It takes a small part of the time that `yaml` takes,
 * which is most of what a command takes.
 *
 * It never guesses. At the first thing that it does not know to the last detail it gives up, and the
 * whole text goes to `yaml`: anchors, tags, block scalars, what runs over several lines, unusual
 * numbers, and everything that is wrong. So `yaml` alone says what is wrong, and what is read here is
 * read there the same, positions included, which test/policy/plain-yaml.test.ts holds them to.
 */
import type { Position } from '../base/diagnostic.ts'
import type { FoldRule, RuleSource } from './folded-rule.ts'
import {
  blockEnd,
  flowEnd,
  isKeyCode,
  isWordCode,
  quotedEnd,
  readPlain,
  readQuoted,
  UNUSUAL_CHARACTER,
} from './plain-scalar.ts'
import { inside, isRules, NOWHERE, type Place, TOP } from './rules-place.ts'
import { type Entry, hasTwins, type MapValue, type Value } from './value.ts'

interface Reader {
  readonly file: string
  readonly text: string
  readonly fold: FoldRule | undefined
  readonly source: RuleSource
  /** The line that is read: its number from 1, where it begins and where it ends. */
  line: number
  start: number
  end: number
  /** The column of what is still to be read of it as a block, from 0: after `- ` it moves on. */
  indent: number
  /** How far a value in one line is read. */
  at: number
}

/** Instead of an indent: nothing is left, or a document begins or ends within the text. */
const END = -1
const MARKER = -2

/** What a text holds; undefined when `yaml` has to read it. */
export function readPlainYaml(text: string, file: string, fold?: FoldRule): Value | undefined {
  if (UNUSUAL_CHARACTER.test(text)) return undefined
  const place = { line: 0, start: 0, end: -1, indent: 0, at: 0 }
  const reader: Reader = { file, text, fold, source: { text, readRule }, ...place }
  nextLine(reader)
  const { start, end, indent } = reader
  if (indent === MARKER && end - start === 3 && text.startsWith('---', start)) nextLine(reader)
  const value = reader.indent === 0 ? readBlock(reader, 0, 0, TOP) : undefined
  return reader.indent === END ? value : undefined
}

/** The deepest that a policy needs is 10. */
const DEPTH = 32

const BLANK = 32
const HASH = 35
const DASH = 45
const COLON = 58

/** Goes to the next line that holds something. */
function nextLine(reader: Reader): void {
  const { text } = reader
  for (;;) {
    const start = reader.end + 1
    if (start >= text.length) {
      reader.indent = END
      return
    }
    const newline = text.indexOf('\n', start)
    const first = skipBlanks(text, start)
    reader.line++
    reader.start = start
    reader.end = newline < 0 ? text.length : newline
    if (first >= reader.end || text.charCodeAt(first) === HASH) continue
    const isMarker = first === start && /^(?:---|\.\.\.|%)/.test(text.slice(start, start + 3))
    reader.indent = isMarker ? MARKER : first - start
    return
  }
}

function readBlock(reader: Reader, indent: number, depth: number, place: Place): Value | undefined {
  if (depth > DEPTH) return undefined
  return isItem(reader)
    ? readList(reader, indent, depth, place)
    : readMap(reader, indent, depth, place)
}

/** Whether `- ` is what comes next. */
function isItem({ text, start, indent }: Reader): boolean {
  return text.charCodeAt(start + indent) === DASH && text.charCodeAt(start + indent + 1) === BLANK
}

function readList(reader: Reader, indent: number, depth: number, place: Place): Value | undefined {
  const { text } = reader
  const items: Value[] = []
  const at = positionOf(reader, reader.start + indent)
  while (reader.indent === indent && isItem(reader)) {
    const offset = skipBlanks(text, reader.start + indent + 1)
    reader.indent = offset - reader.start
    const item =
      isItem(reader) || keyEnd(reader, offset) > 0
        ? readBlock(reader, reader.indent, depth + 1, inside(place))
        : readRest(reader, offset, depth, inside(place))
    if (item === undefined) return undefined
    items.push(isRules(place) ? folded(reader, item, offset) : item)
  }
  return endsHere(reader, indent) ? { kind: 'list', items, at } : undefined
}

function readMap(
  reader: Reader,
  indent: number,
  depth: number,
  place: Place,
): MapValue | undefined {
  const { text } = reader
  const entries: Entry[] = []
  const at = positionOf(reader, reader.start + indent)
  while (reader.indent === indent) {
    const first = reader.start + indent
    const end = keyEnd(reader, first)
    if (end < 0) return undefined
    const key = text.slice(first, end)
    const keyAt = entries.length === 0 ? at : positionOf(reader, first)
    const start = skipBlanks(text, end + 1)
    const below = inside(place, key)
    const value = endsAt(reader, start)
      ? readBelow(reader, indent, depth, below)
      : readRest(reader, start, depth, below)
    if (value === undefined) return undefined
    entries.push({ key, keyAt, value })
  }
  if (entries.length === 0 || hasTwins(entries) || !endsHere(reader, indent)) return undefined
  return { kind: 'map', entries, at }
}

/** What stands under a key. A list may stand under it without being indented. */
function readBelow(reader: Reader, indent: number, depth: number, place: Place): Value | undefined {
  nextLine(reader)
  if (reader.indent < indent) return undefined
  if (reader.indent > indent) return readBlock(reader, reader.indent, depth + 1, place)
  return isItem(reader) ? readList(reader, indent, depth + 1, place) : undefined
}

/** Whether what comes next belongs to a block further out, as it must after a block of this indent. */
function endsHere(reader: Reader, indent: number): boolean {
  return reader.indent <= indent
}

/** The value that begins there, with which the line ends. */
function readRest(reader: Reader, offset: number, depth: number, place: Place): Value | undefined {
  reader.at = offset
  const value = readInline(reader, depth, place, blockEnd)
  if (value === undefined || !endsAt(reader, skipBlanks(reader.text, reader.at))) return undefined
  nextLine(reader)
  return value
}

function readInline(
  reader: Reader,
  depth: number,
  place: Place,
  findEnd: typeof blockEnd,
): Value | undefined {
  if (depth > DEPTH) return undefined
  const { text, at, end } = reader
  switch (text[at]) {
    case '{':
      return readFlowMap(reader, depth, place)
    case '[':
      return readFlowList(reader, depth, place)
    case '"':
    case "'": {
      const close = quotedEnd(text, at, end)
      if (close === undefined) return undefined
      reader.at = close
      return readQuoted(text, at, close, positionOf(reader, at))
    }
    default:
      reader.at = findEnd(text, at, end)
      return readPlain(text.slice(at, reader.at).trimEnd(), positionOf(reader, at))
  }
}

function readFlowMap(reader: Reader, depth: number, place: Place): MapValue | undefined {
  const { text } = reader
  const at = positionOf(reader, reader.at)
  const entries: Entry[] = []
  while (!closes(reader, '}', entries.length)) {
    const first = reader.at
    const end = keyEnd(reader, first)
    if (end < 0) return undefined
    const key = text.slice(first, end)
    reader.at = skipBlanks(text, end + 1)
    const value = readInline(reader, depth + 1, inside(place, key), flowEnd)
    if (value === undefined) return undefined
    entries.push({ key, keyAt: positionOf(reader, first), value })
  }
  return hasTwins(entries) ? undefined : { kind: 'map', entries, at }
}

function readFlowList(reader: Reader, depth: number, place: Place): Value | undefined {
  const at = positionOf(reader, reader.at)
  const items: Value[] = []
  while (!closes(reader, ']', items.length)) {
    const offset = reader.at
    const item = readInline(reader, depth + 1, inside(place), flowEnd)
    if (item === undefined) return undefined
    items.push(isRules(place) ? folded(reader, item, offset) : item)
  }
  return { kind: 'list', items, at }
}

/**
 * Goes over the opening bracket or the comma, to the next item. True at the closing bracket, which it
 * goes over as well. What stands there instead of them is no item either: reading that gives up.
 */
function closes(reader: Reader, bracket: '}' | ']', count: number): boolean {
  const { text, end } = reader
  let at = skipBlanks(text, reader.at)
  if (count === 0 || text[at] === ',') at = skipBlanks(text, at + 1)
  else if (text[at] !== bracket) at = end
  const isClosed = at < end && text[at] === bracket
  reader.at = isClosed ? at + 1 : at
  return isClosed
}

function folded({ fold, source }: Reader, item: Value, offset: number): Value {
  return item.kind === 'map' && fold !== undefined ? fold(item, offset, source) : item
}

/** A rule that has been read before, so that nothing is wrong with it. */
function readRule(text: string, offset: number, { file, line, column }: Position): MapValue {
  const newline = text.indexOf('\n', offset)
  const reader: Reader = {
    file,
    text,
    fold: undefined,
    source: { text, readRule },
    line,
    start: offset - column + 1,
    end: newline < 0 ? text.length : newline,
    indent: column - 1,
    at: offset,
  }
  const rule =
    text[offset] === '{'
      ? readFlowMap(reader, 0, NOWHERE)
      : readMap(reader, reader.indent, 0, NOWHERE)
  return rule as MapValue
}

/** Where the key that begins there ends, with its colon behind it; -1 where none does. */
function keyEnd({ text, end }: Reader, offset: number): number {
  if (!isWordCode(text.charCodeAt(offset))) return -1
  let at = offset + 1
  while (isKeyCode(text.charCodeAt(at))) at++
  const isKey =
    text.charCodeAt(at) === COLON && (at + 1 === end || text.charCodeAt(at + 1) === BLANK)
  return isKey ? at : -1
}

function skipBlanks(text: string, offset: number): number {
  let at = offset
  while (text.charCodeAt(at) === BLANK) at++
  return at
}

/** Whether nothing but a comment is left from there on. */
function endsAt({ text, end }: Reader, at: number): boolean {
  return at >= end || (text.charCodeAt(at) === HASH && text.charCodeAt(at - 1) === BLANK)
}

function positionOf({ file, line, start }: Reader, offset: number): Position {
  return { file, line, column: offset - start + 1 }
}

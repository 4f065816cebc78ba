/**
 * Reads a policy that is written as JSON. `JSON.parse` says whether a text is JSON; this only says what
 * stands where in it. Like plain-yaml.ts, it leaves to `yaml` what that might read in another way: keys
 * that are there twice, fractions, numbers that do not fit. test/policy/plain-json.test.ts compares both.
 */
import type { Position } from '../base/diagnostic.ts'
import type { FoldRule, RuleSource } from './folded-rule.ts'
import { UNUSUAL_CHARACTER } from './plain-scalar.ts'
import { inside, isRules, NOWHERE, type Place, TOP } from './rules-place.ts'
import { type Entry, hasTwins, type MapValue, type ScalarValue, type Value } from './value.ts'

interface Reader {
  readonly file: string
  readonly text: string
  readonly fold: FoldRule | undefined
  readonly source: RuleSource
  /** How far it is read; the line of that, from 1, and where it begins. */
  at: number
  line: number
  start: number
}

/** What a JSON object holds; undefined when `yaml` has to read it. Folds the rules if asked for. */
export function readPlainJson(text: string, file: string, fold?: FoldRule): Value | undefined {
  if (!/^\s*\{/.test(text) || UNUSUAL_CHARACTER.test(text) || !isJson(text)) return undefined
  // An escape may stand for a control character, and those are looked for in rules that are not folded.
  const safe = text.includes('\\') ? undefined : fold
  const source = { text, readRule }
  const reader: Reader = { file, text, fold: safe, source, at: 0, line: 1, start: 0 }
  skipBlanks(reader)
  return readValue(reader, 0, TOP)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** A rule that has been read before, so that nothing is wrong with it. */
function readRule(text: string, offset: number, { file, line, column }: Position): MapValue {
  const start = offset - column + 1
  const source = { text, readRule }
  const reader: Reader = { file, text, fold: undefined, source, at: offset, line, start }
  return readMap(reader, 0, NOWHERE) as MapValue
}

/** The deepest that a policy needs is 10. */
const DEPTH = 32

/** Longer ones are none to YAML. */
const KEY_LENGTH = 1000

function readValue(reader: Reader, depth: number, place: Place): Value | undefined {
  if (depth > DEPTH) return undefined
  switch (reader.text[reader.at]) {
    case '{':
      return readMap(reader, depth, place)
    case '[':
      return readList(reader, depth, place)
    case '"':
      return readString(reader)
    default:
      return readWord(reader)
  }
}

function readMap(reader: Reader, depth: number, place: Place): MapValue | undefined {
  const { text } = reader
  const at = positionOf(reader)
  const entries: Entry[] = []
  while (!closes(reader)) {
    const keyAt = positionOf(reader)
    const key = readString(reader).text
    if (text[reader.at] !== ':' || key.length > KEY_LENGTH || key === '<<') return undefined
    reader.at++
    skipBlanks(reader)
    const value = readValue(reader, depth + 1, inside(place, key))
    if (value === undefined) return undefined
    entries.push({ key, keyAt, value })
  }
  return hasTwins(entries) ? undefined : { kind: 'map', entries, at }
}

function readList(reader: Reader, depth: number, place: Place): Value | undefined {
  const { fold, source } = reader
  const at = positionOf(reader)
  const items: Value[] = []
  while (!closes(reader)) {
    const offset = reader.at
    const item = readValue(reader, depth + 1, inside(place))
    if (item === undefined) return undefined
    const isRule = fold !== undefined && isRules(place) && item.kind === 'map'
    items.push(isRule ? fold(item, offset, source) : item)
  }
  return { kind: 'list', items, at }
}

/** Goes over an opening bracket or a comma to what follows, or over the closing bracket: then true. */
function closes(reader: Reader): boolean {
  skipBlanks(reader)
  const isClosed = isClosing(reader)
  reader.at++
  if (isClosed) return true
  skipBlanks(reader)
  if (!isClosing(reader)) return false
  reader.at++
  return true
}

function isClosing({ text, at }: Reader): boolean {
  return text[at] === '}' || text[at] === ']'
}

function readString(reader: Reader): ScalarValue {
  const { text, at: from } = reader
  const at = positionOf(reader)
  let end = text.indexOf('"', from + 1)
  let value = text.slice(from + 1, end)
  if (value.includes('\\')) {
    STRING.lastIndex = from
    STRING.test(text)
    end = STRING.lastIndex - 1
    value = JSON.parse(text.slice(from, end + 1)) as string
  }
  reader.at = end + 1
  if (!text.startsWith(value, from + 1)) return { kind: 'scalar', value, text: value, at }
  const textAt = { file: at.file, line: at.line, column: at.column + 1 }
  return { kind: 'scalar', value, text: value, at, textAt }
}

const STRING = /"(?:[^"\\]|\\.)*"/y

/** A number, true, false or null. */
function readWord(reader: Reader): ScalarValue | undefined {
  const { text, at: from } = reader
  const at = positionOf(reader)
  WORD.lastIndex = from
  const word = WORD.exec(text)?.[0] ?? ''
  reader.at = from + word.length
  if (/^(?:0|[1-9]\d{0,14})$/.test(word)) {
    return { kind: 'scalar', value: Number(word), text: word, at }
  }
  if (word === 'null') return { kind: 'scalar', value: null, text: word, at }
  const isTruth = word === 'true' || word === 'false'
  return isTruth ? { kind: 'scalar', value: word === 'true', text: word, at } : undefined
}

const WORD = /[^\s,\]}]*/y

const BLANK = 32
const NEWLINE = 10

function skipBlanks(reader: Reader): void {
  const { text } = reader
  for (;;) {
    const code = text.charCodeAt(reader.at)
    if (code === NEWLINE) {
      reader.line++
      reader.start = reader.at + 1
    } else if (code !== BLANK) return
    reader.at++
  }
}

function positionOf({ file, line, start, at }: Reader): Position {
  return { file, line, column: at - start + 1 }
}

/** Scalars in one line as policies have them; undefined for what `yaml` has to read. */
import type { Position } from '../base/diagnostic.ts'
import type { Scalar, ScalarValue } from './value.ts'

/** Tabs, carriage returns and control characters, and what YAML or people may take for a blank. */
export const UNUSUAL_CHARACTER: RegExp =
  /[^\n\x20-\x7e\u00a1-\u167f\u1681-\u1fff\u2010-\u2027\u2030-\u205e\u2070-\u2fff\u3001-\ud7ff]/

const BLANK = 32
const DOUBLE_QUOTE = 34
const HASH = 35

/** Where a plain scalar of a block ends, within a line that ends there. */
export function blockEnd(text: string, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    if (text.charCodeAt(at) === HASH && at > from && text.charCodeAt(at - 1) === BLANK)
      return at - 1
  }
  return end
}

/** Where a plain scalar between brackets ends. */
export function flowEnd(text: string, from: number, end: number): number {
  for (let at = from; at < end; at++) if (FLOW_ENDS[text.charCodeAt(at)] === 1) return at
  return end
}

const FLOW_ENDS: Uint8Array = codes(',[]{}#')
const WORD: Uint8Array = codes('_', '09', 'AZ', 'az')
const KEY: Uint8Array = codes('_./-', '09', 'AZ', 'az')

/** Of a first character of a key: a letter, a digit or `_`. */
export function isWordCode(code: number): boolean {
  return WORD[code] === 1
}

/** Of another character of a key. */
export function isKeyCode(code: number): boolean {
  return KEY[code] === 1
}

/** A table of the characters, and of those from one to another. */
function codes(characters: string, ...ranges: readonly string[]): Uint8Array {
  const table = new Uint8Array(128)
  for (const character of characters) table[character.charCodeAt(0)] = 1
  for (const range of ranges) table.fill(1, range.charCodeAt(0), range.charCodeAt(1) + 1)
  return table
}

/** Behind the quote that closes what is quoted from there on. */
export function quotedEnd(text: string, from: number, end: number): number | undefined {
  const isDouble = text.charCodeAt(from) === DOUBLE_QUOTE
  const close = text.indexOf(isDouble ? '"' : "'", from + 1)
  if (close < 0 || close >= end) return undefined
  const isSimple = isDouble ? !text.slice(from, close).includes('\\') : text[close + 1] !== "'"
  if (isSimple) return close + 1
  const pattern = isDouble ? DOUBLE_QUOTED : SINGLE_QUOTED
  pattern.lastIndex = from
  return pattern.test(text) && pattern.lastIndex <= end ? pattern.lastIndex : undefined
}

const DOUBLE_QUOTED = /"(?:[^"\\\n]|\\["\\])*"/y
const SINGLE_QUOTED = /'(?:[^'\n]|'')*'/y

export function readQuoted(text: string, from: number, end: number, at: Position): ScalarValue {
  const inner = text.slice(from + 1, end - 1)
  const isDouble = text.charCodeAt(from) === DOUBLE_QUOTE
  const value = inner.includes(isDouble ? '\\' : "'")
    ? inner.replaceAll(isDouble ? /\\(["\\])/g : /'(')/g, '$1')
    : inner
  // Where an escape goes, what is left can be the beginning of what is written all the same.
  if (value !== inner && !text.startsWith(value, from + 1)) {
    return { kind: 'scalar', value, text: value, at }
  }
  const textAt = { file: at.file, line: at.line, column: at.column + 1 }
  return { kind: 'scalar', value, text: value, at, textAt }
}

export function readPlain(text: string, at: Position): ScalarValue | undefined {
  if (!isPlain(text)) return undefined
  const value = resolvePlain(text)
  if (value === undefined) return undefined
  return typeof value === 'string'
    ? { kind: 'scalar', value, text, at, textAt: at }
    : { kind: 'scalar', value, text, at }
}

/** With nothing in it that means something in YAML, where it stands or where others would see it. */
function isPlain(text: string): boolean {
  if (
    !isWordCode(text.charCodeAt(0)) &&
    !/^(?:[./$+(<=;~^\\\u00a1-\uffff]|[-:](?=[\w.:/-]))/.test(text)
  ) {
    return false
  }
  return !text.includes(':') || !/: |:$/.test(text)
}

/** The value of a plain scalar; undefined for a number that is not written in the usual way. */
function resolvePlain(text: string): Scalar | undefined {
  const first = text.charCodeAt(0)
  if (isWordCode(first) && !CAN_BE_OTHER[first]) return text
  const constant = CONSTANTS.get(text)
  if (constant !== undefined) return constant
  if (!/^[-+.]?[\d.]/.test(text)) return text
  if (text.includes('/') || text.includes(':')) return text
  if (/^(?:0|[1-9]\d{0,14})$/.test(text)) return Number(text)
  return /^\d+\.\d+\.|^\d+(?:-\d+|[a-z]+)$/.test(text) ? text : undefined
}

/** What a number or a constant begins with, as far as it is a letter or a digit. */
const CAN_BE_OTHER: Uint8Array = codes('tTfFnN', '09')

const CONSTANTS: ReadonlyMap<string, Scalar> = new Map<string, Scalar>([
  ...['true', 'True', 'TRUE'].map((text) => [text, true] as const),
  ...['false', 'False', 'FALSE'].map((text) => [text, false] as const),
  ...['null', 'Null', 'NULL', '~'].map((text) => [text, null] as const),
])

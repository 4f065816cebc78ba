/** What the string match looks for: bytes, written as text or in hexadecimal. */
import { type Refusal, refuse, type ValueType } from '../extension.ts'

/** XT_STRING_MAX_PATTERN_SIZE */
const MAX_BYTES = 128

const PIPE = 0x7c
const BACKSLASH = 0x5c
const BLANK = 0x20

/** The bytes of a text; a lone surrogate U+DC80 … U+DCFF stands for a byte that is not UTF-8. */
function bytesOf(text: string): number[] {
  return [...text].flatMap((char) => {
    const code = char.codePointAt(0) as number
    return code >= 0xdc80 && code <= 0xdcff ? [code - 0xdc00] : [...new TextEncoder().encode(char)]
  })
}

/**
 * The pattern as a save writes it: as text if all is printable and the end is no backslash, else in
 * hexadecimal.
 */
export function savedPattern(bytes: readonly number[]): readonly ['string' | 'hex-string', string] {
  const printable = bytes.every((b) => b >= 0x20 && b < 0x7f) && bytes.at(-1) !== BACKSLASH
  if (printable) return ['string', String.fromCharCode(...bytes)]
  return ['hex-string', `|${bytes.map((b) => b.toString(16).padStart(2, '0')).join('')}|`]
}

function checkLength(bytes: readonly number[], word: string): Refusal | undefined {
  if (bytes.length === 0) return refuse('invalid-value', 'the pattern must not be empty')
  if (bytes.length <= MAX_BYTES) return undefined
  return refuse('text-too-long', `the pattern "${word}" has over ${MAX_BYTES} bytes`)
}

export function parseText(word: string): readonly number[] | Refusal {
  const bytes = bytesOf(word)
  return checkLength(bytes, word) ?? bytes
}

/**
 * Reads text with `|41 42|` in it as libxt_string does. A backslash outside makes the next
 * character literal. What follows a closing bar at once is literal too: `|41||42|` is `A|42`.
 */
export function parseHexText(word: string): readonly number[] | Refusal {
  const wrong = (why: string): Refusal =>
    refuse('invalid-value', `"${word}" is not a pattern: ${why}`, 'write text|41 42 43|text')
  const typed = bytesOf(word)
  const bytes: number[] = []
  let inHex = false
  let i = 0
  while (i < typed.length) {
    let literal = false
    if (typed[i] === BACKSLASH) {
      if (inHex) return wrong('a backslash between the bars')
      literal = true
    } else if (typed[i] === PIPE) {
      inHex = !inHex
      while (inHex && typed[i + 1] === BLANK) i++
      if (i + 1 >= typed.length) break
      i++
    }
    if (literal) {
      if (i + 1 >= typed.length) return wrong('a backslash at the end')
      bytes.push(typed[i + 1] as number)
      i += 2
    } else if (inHex) {
      const digits = String.fromCharCode(...typed.slice(i, i + 2))
      if (i + 2 >= typed.length) return wrong('the closing bar is missing')
      if (!/^[0-9a-fA-F]{2}$/.test(digits))
        return wrong(`"${digits}" are no two hexadecimal digits`)
      bytes.push(Number.parseInt(digits, 16))
      i += typed[i + 2] === BLANK ? 3 : 2
    } else bytes.push(typed[i++] as number)
  }
  return checkLength(bytes, word) ?? bytes
}

/** A pattern as text. Quotes and backslashes are escaped, but `'` is not, unlike in other texts. */
export const patternText: ValueType = {
  name: 'pattern text',
  words: 1,
  parse: ([word = '']) => {
    const bytes = parseText(word)
    return 'code' in bytes ? bytes : [word]
  },
  print: ([text = '']) => [`"${text.replace(/["\\]/g, '\\$&')}"`],
  schema: { type: 'string', minLength: 1, maxLength: MAX_BYTES },
  description: 'a text of up to 128 bytes',
  examples: ['GET /index.html'],
  sample: (random) => {
    const texts = ['GET /', "it's", 'a"b', 'back\\slash', 'end\\', 'über', 'tab\there', 'x', 'a|b|']
    return [texts[random(texts.length)] as string]
  },
}

/** A pattern with bytes between bars; its normal form is wholly in hexadecimal. */
export const patternHex: ValueType = {
  name: 'pattern with hexadecimal bytes',
  words: 1,
  parse: ([word = '']) => {
    const bytes = parseHexText(word)
    if ('code' in bytes) return bytes
    return [`|${bytes.map((b) => b.toString(16).padStart(2, '0')).join('')}|`]
  },
  print: ([text = '']) => [`"${text}"`],
  schema: { type: 'string', minLength: 1 },
  description: 'a text with bytes in hexadecimal between bars',
  examples: ['|03|www|09|netfilter|03|org|00|'],
  sample: (random) => {
    const texts = [
      '|41 42|c',
      '|0d0a|',
      'a|00|b',
      '| 4a 4B 4c |',
      '|41||42|',
      'a\\|b',
      '|5c|',
      'plain',
    ]
    return [texts[random(texts.length)] as string]
  },
}

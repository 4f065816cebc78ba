import type { Diagnostic } from '../base/diagnostic.ts'
import { entriesOf, type Value, visitTexts } from './value.ts'

/**
 * Newlines could smuggle a line into restore input, the others a command into a terminal, and those
 * that turn the direction of writing show a reviewer another text than the one that is applied.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/
/** Texts for people, which never reach the kernel, may have several lines. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
const CONTROL_IN_PROSE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/
/**
 * Half of a surrogate pair has no bytes in UTF-8. U+DC80 … U+DCFF are let through: they stand for
 * the bytes of a live text that is not UTF-8.
 */
const LONE_SURROGATE = /[\ud800-\udc7f\udd00-\udfff]/u

export function hasControlCharacter(text: string): boolean {
  return CONTROL.test(text)
}

/** Every text and key with a control character in it. */
export function controlCharacters(value: Value): Diagnostic[] {
  const found: Diagnostic[] = []
  const check = (part: Value, pattern: RegExp): void =>
    visitTexts(part, (text, at) => {
      const match = pattern.exec(text) ?? LONE_SURROGATE.exec(text)
      if (match === null) return
      const code = match[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')
      const message = `the text has a control character (U+${code})`
      found.push({ code: 'control-character', severity: 'error', message, ...at })
    })
  walk(value, check)
  return found
}

function walk(value: Value, check: (part: Value, pattern: RegExp) => void): void {
  if (value.kind === 'scalar') return check(value, CONTROL)
  if (value.kind === 'list') {
    for (const item of value.items) walk(item, check)
    return
  }
  if (value.form !== undefined) return
  for (const entry of entriesOf(value)) {
    const key: Value = { kind: 'scalar', value: entry.key, text: entry.key, at: entry.keyAt }
    check(key, CONTROL)
    if (entry.key === 'description') check(entry.value, CONTROL_IN_PROSE)
    else walk(entry.value, check)
  }
}

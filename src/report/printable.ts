/**
 * Text that a terminal, a log or a web page may show. A comment in the kernel may hold anything, and
 * an escape sequence in it could rewrite what the operator is about to approve: control characters,
 * marks that reverse or hide text, and bytes that are not UTF-8 are shown as escapes.
 */
export function printable(text: string): string {
  // Most texts are plain, and that is told without the table of all characters.
  if (PLAIN.test(text)) return text
  UNSAFE ??= new RegExp(UNSAFE_CLASS, 'gu')
  return text.replace(UNSAFE, (char) => {
    const code = char.codePointAt(0) ?? 0
    if (code === 0x0a) return '\\n'
    if (code === 0x09) return '\\t'
    // A byte that is no part of valid UTF-8 comes as a lone surrogate (host/lossless-text.ts).
    if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })
}

// Cc: controls, Cf: bidirectional and invisible marks, Cs: lone surrogates, Zl and Zp: separators.
const UNSAFE_CLASS = '[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}]'
let UNSAFE: RegExp | undefined
const PLAIN = /^[ -~]*$/

/**
 * Text that a terminal, a log or a web page may show. A comment in the kernel may hold anything, and
 * an escape sequence in it could rewrite what the operator is about to approve: control characters,
 * marks that reverse or hide text, and bytes that are not UTF-8 are shown as escapes.
 */
export function printable(text: string): string {
  return PLAIN.test(text) ? text : escaped(text)
}

/** Most texts, told without the table of all characters, which takes Node a millisecond to load. */
const PLAIN = /^[ -~]*$/

function escaped(text: string): string {
  // Cc: controls, Cf: bidirectional and invisible marks, Cs: lone surrogates, Zl and Zp: separators.
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (char) => {
    const code = char.codePointAt(0) ?? 0
    if (code === 0x0a) return '\\n'
    if (code === 0x09) return '\\t'
    // A byte that is no part of valid UTF-8 comes as a lone surrogate (host/lossless-text.ts).
    if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })
}

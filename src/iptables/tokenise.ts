/** Words of a line of restore input, and where in the line each one starts. */
export interface Words {
  readonly words: readonly string[]
  /** The offset of each word's first character in the line. */
  readonly starts: readonly number[]
  /** A quote was opened and never closed; iptables-restore accepts that and swallows the rest. */
  readonly unterminated: boolean
}

/**
 * Splits a line as iptables-restore does (facts: restore tokeniser): blanks and tabs separate, only
 * `"` quotes, a backslash escapes inside quotes only, `a"b c"` is one word, `""` is an empty word.
 */
export function tokenise(line: string): Words {
  const words: string[] = []
  const starts: number[] = []
  if (!line.includes('"')) return tokenisePlain(line)
  let word = ''
  let start = -1
  let quoted = false
  for (let i = 0; i < line.length; i++) {
    const char = line[i] as string
    if (quoted) {
      if (char === '\\' && i + 1 < line.length) word += line[++i]
      else if (char === '"') quoted = false
      else word += char
    } else if (char === '"') {
      quoted = true
      if (start < 0) start = i
    } else if (char === ' ' || char === '\t' || char === '\n') {
      if (start >= 0) {
        words.push(word)
        starts.push(start)
        word = ''
        start = -1
      }
    } else {
      word += char
      if (start < 0) start = i
    }
  }
  if (start >= 0) {
    words.push(word)
    starts.push(start)
  }
  return { words, starts, unterminated: quoted }
}

function tokenisePlain(line: string): Words {
  const words: string[] = []
  const starts: number[] = []
  let start = -1
  for (let i = 0; i <= line.length; i++) {
    const code = i < line.length ? line.charCodeAt(i) : 32
    if (code === 32 || code === 9 || code === 10) {
      if (start >= 0) {
        words.push(line.slice(start, i))
        starts.push(start)
        start = -1
      }
    } else if (start < 0) start = i
  }
  return { words, starts, unterminated: false }
}

/**
 * A free text as iptables-save quotes it: bare when it has only letters, digits, `_` and `-`, else
 * in double quotes with `"`, `\` and `'` escaped.
 */
export function quoteText(text: string): string {
  return /^[A-Za-z0-9_-]+$/.test(text) ? text : quoteAlways(text)
}

/** In quotes whatever it holds, as the string, connlabel, u32 and bpf matches are saved. */
export function quoteAlways(text: string): string {
  return `"${text.replace(/["\\']/g, '\\$&')}"`
}

/** A word that restore would split or read otherwise is quoted; any other is left as it is. */
export function quoteWord(word: string): string {
  return word === '' || /[\s"\\]/.test(word) ? quoteAlways(word) : word
}

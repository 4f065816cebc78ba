/** The lines of restore input, in which a newline inside quotes belongs to the line. */

/**
 * Hands over the lines that are there as a whole, with how many a text editor counts for each, and
 * returns what is left. At the end, nothing is: quotes that are never closed are no quotes then.
 */
export function eachLine(
  text: string,
  read: (line: string, count: number) => void,
  isEnd = false,
): string {
  let at = 0
  let quote = text.indexOf('"')
  while (at < text.length) {
    const newline = text.indexOf('\n', at)
    if (newline < 0 && !isEnd) break
    let end = newline < 0 ? text.length : newline
    let count = 1
    if (quote >= 0 && quote < at) quote = text.indexOf('"', at)
    if (quote >= 0 && quote < end && text[at] !== '#') {
      const closed = endOfQuoted(text, quote, isEnd)
      if (closed === undefined && !isEnd) break
      if (closed !== undefined && closed !== end) {
        end = closed
        count += newlinesIn(text, at, end)
      }
    }
    read(text.slice(at, end), count)
    at = end + 1
  }
  return text.slice(at)
}

/** The end of the line whose first quote is given; undefined when the text does not show it. */
function endOfQuoted(text: string, first: number, isEnd: boolean): number | undefined {
  for (let open = first; ; ) {
    const close = closingQuote(text, open + 1)
    if (close < 0) return undefined
    const newline = text.indexOf('\n', close)
    if (newline < 0 && !isEnd) return undefined
    const end = newline < 0 ? text.length : newline
    open = text.indexOf('"', close + 1)
    if (open < 0 || open > end) return end
  }
}

/** The next quote that no backslash takes the meaning from. */
function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 1)) {
    let backslashes = 0
    while (at - backslashes > from && text[at - backslashes - 1] === '\\') backslashes += 1
    if (backslashes % 2 === 0) return at
  }
  return -1
}

function newlinesIn(text: string, from: number, to: number): number {
  let count = 0
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) {
    count += 1
  }
  return count
}

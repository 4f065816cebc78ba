/**
 * Lines of at most `width` columns that break between words and start with `indent` blanks. A word
 * that is longer stays whole, so that it can be copied; without a width nothing is broken.
 */
export function wrap(
  text: string,
  options: { readonly width: number | undefined; readonly indent: number },
): string[] {
  const { width, indent } = options
  const margin = ' '.repeat(indent)
  if (width === undefined) return [margin + text.replace(/^ +/, '')]
  // A terminal too narrow for the indentation gets some room all the same.
  const room = Math.max(width - indent, 20)
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (longer.length > room && line !== '') {
      lines.push(margin + line)
      line = word
    } else line = longer
  }
  return [...lines, margin + line]
}

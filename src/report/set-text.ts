import type { SetChange } from '../ipset/diff.ts'
import type { TextOptions } from './change-words.ts'
import { printable } from './printable.ts'
import { entryCounts, entryLines, SET_SIGNS, setHeadline, setPosition } from './set-words.ts'
import type { Style } from './style.ts'
import { wrap } from './wrap.ts'

/** The ipsets of a plan, as they are read in a terminal. */
export function setSection(
  changes: readonly SetChange[],
  { style, options }: { readonly style: Style; readonly options: TextOptions },
): string[] {
  if (changes.length === 0) return []
  const lines = [style.bold('Sets (ipset)'), '']
  for (const change of changes) {
    lines.push(`  ${style.bold(printable(change.name))}`)
    const paint = painter(SET_SIGNS[change.kind], style)
    const headline = setHeadline(change)
    if (headline !== undefined) {
      const sign = `    ${SET_SIGNS[change.kind]} `
      const [first = '', ...rest] = wrap(printable(headline), { width: options.width, indent: 6 })
      lines.push(paint(`${sign}${first.slice(6)}`), ...rest.map(paint))
    }
    const { lines: entries, more } = entryLines(change)
    for (const { sign, text } of entries) {
      lines.push(painter(sign, style)(`    ${sign} ${printable(text)}`))
    }
    if (more > 0) lines.push(style.dim(`      … and ${more} more: ${entryCounts(change)} in all`))
    const position = setPosition(change)
    if (position !== undefined) lines.push(style.dim(`      ${printable(position)}`))
    lines.push('')
  }
  return lines
}

function painter(sign: string, style: Style): (text: string) => string {
  if (sign === '+') return style.green
  return sign === '-' ? style.red : style.yellow
}

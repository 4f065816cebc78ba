/** One case for a terminal. */
import { type Bound, type CaseResult, holds } from '../case.ts'
import type { Spread } from '../statistics.ts'

export function caseText({ id, title, costs, bounds }: CaseResult): string {
  const rows = Object.entries(costs).map(([name, { runs, wallMs, cpuMs, peakMb }]) =>
    [
      name.padEnd(14),
      `wall ${spreadText(wallMs)} ms`.padEnd(34),
      `cpu ${digits(cpuMs.median)} ms`.padEnd(16),
      `peak ${digits(peakMb.median)} MB`.padEnd(14),
      `${runs} runs`,
    ].join(' '),
  )
  const lines = [...rows, ...bounds.map(boundText)]
  return [`${id}: ${title}`, ...lines.map((line) => `  ${line}`)].join('\n')
}

/** `1.42 (B + S), at most 1.5 (B + S): holds`. */
function boundText(bound: Bound): string {
  const { form, figure, limit, of } = bound
  const verdict = holds(bound) ? 'holds' : 'DOES NOT HOLD'
  return `${of === undefined ? '' : `${of}: `}${fill(form, figure)}, at most ${fill(form, limit)}: ${verdict}`
}

/** A form with a figure in the place of its `#`. */
export function fill(form: string, figure: number): string {
  return figure < 0
    ? form.replace('+ #', `- ${digits(-figure)}`)
    : form.replace('#', digits(figure))
}

/** The median, and the quartiles. */
export function spreadText({ median, low, high }: Spread): string {
  return `${digits(median)} (${digits(low)}..${digits(high)})`
}

/** Three digits that count. */
export function digits(value: number): string {
  const size = Math.abs(value)
  const decimals = size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3
  return String(Number(value.toFixed(decimals)))
}

/** The tables of docs/performance.md. */
import { type CaseResult, holds } from '../case.ts'
import type { Cost } from '../statistics.ts'
import { digits, fill, spreadText } from './case-text.ts'

export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')
}

/** A row for each bound. */
export function boundsTable(results: readonly CaseResult[]): string {
  const rows = results.flatMap((result) =>
    result.bounds.map((bound) => [
      [result.title, bound.of, placeName(result)].filter((part) => part !== undefined).join('; '),
      fill(bound.form, bound.figure),
      fill(bound.form, bound.limit),
      holds(bound) ? 'yes' : '**no**',
      ...ownCost(result.costs[bound.of ?? 'fwctl']),
    ]),
  )
  return markdownTable(
    ['case', 'measured', 'at most', 'holds', 'fwctl: wall ms (quartiles)', 'CPU ms', 'peak MB'],
    rows,
  )
}

function ownCost(cost: Cost | undefined): readonly string[] {
  if (cost === undefined) return ['', '', '']
  return [spreadText(cost.wallMs), digits(cost.cpuMs.median), digits(cost.peakMb.median)]
}

/** A table for each title that the cases have, under it. */
export function comparisonTables(results: readonly CaseResult[]): string {
  const titles = [...new Set(results.map(({ title }) => title))]
  return titles
    .map((title) => {
      const same = results.filter((result) => result.title === title)
      return `${title}:\n\n${comparisonTable(same)}`
    })
    .join('\n\n')
}

/** A row for each case, a column for each of those that took part in any of them. */
export function comparisonTable(results: readonly CaseResult[]): string {
  const names = [...new Set(results.flatMap(({ costs }) => Object.keys(costs)))]
  const own = results.some(({ costs }) => costs.fwctl !== undefined)
  return markdownTable(
    ['wall ms (quartiles)', ...names, ...(own ? ['fwctl: CPU ms', 'peak MB'] : [])],
    results.map((result) => [
      placeName(result) ?? '',
      ...names.map((name) => {
        const cost = result.costs[name]
        return cost === undefined ? '' : spreadText(cost.wallMs)
      }),
      ...(own ? ownCost(result.costs.fwctl).slice(1) : []),
    ]),
  )
}

/** Everyone of one case in a row of its own: wall, CPU, memory, and how many times the first one. */
export function costTable({ costs }: CaseResult): string {
  const first = Object.values(costs)[0]?.wallMs.median ?? Number.NaN
  return markdownTable(
    ['', 'wall ms (quartiles)', 'times the first', 'CPU ms', 'peak MB'],
    Object.entries(costs).map(([name, { wallMs, cpuMs, peakMb }]) => [
      name,
      spreadText(wallMs),
      digits(wallMs.median / first),
      digits(cpuMs.median),
      digits(peakMb.median),
    ]),
  )
}

function placeName({ place }: CaseResult): string | undefined {
  if (place === undefined) return undefined
  const { backend, rules, kind = 'mixed' } = place
  return `${rules.toLocaleString('en')} ${kind === 'mixed' ? '' : `${kind} `}rules, ${backend}`
}

/** What `npm run bench -- --write` makes of its figures: files by their paths. */
import { chartSvg, type Series } from './chart.ts'
import { performanceMarkdown } from './performance.ts'
import type { Report } from './report.ts'

export const PAGES: Readonly<Record<string, (report: Report) => string>> = {
  'docs/performance.md': performanceMarkdown,
  'docs/performance-plan.svg': (report) =>
    growth(report, 'plan-sync', 'plan, nothing to change', ['fwctl', 'S', 'B']),
  'docs/performance-apply.svg': (report) =>
    growth(report, 'apply-one', 'apply, one rule of all changed', ['fwctl', 'ferm', 'F', 'S', 'D']),
}

/** Mixed rules in chains of 50. */
function growth(
  { results }: Report,
  name: string,
  title: string,
  participants: readonly string[],
): string {
  const panel = (backend: string): { title: string; series: readonly Series[] } => {
    const cases = results
      .filter(({ id, place }) => id === `${name}/${backend}/${place?.rules}`)
      .toSorted((a, b) => (a.place?.rules ?? 0) - (b.place?.rules ?? 0))
    const series = participants.map((participant) => ({
      name: participant,
      points: cases.flatMap(({ place, costs }) => {
        const cost = costs[participant]
        return cost === undefined ? [] : [[place?.rules ?? 0, cost.wallMs.median] as const]
      }),
    }))
    return { title: backend, series: series.filter(({ points }) => points.length > 0) }
  }
  return chartSvg({ title, x: 'rules', y: 'ms', panels: ['nft', 'legacy'].map(panel) })
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { CaseResult } from '../../bench/case.ts'
import { caseText, digits } from '../../bench/report/case-text.ts'
import { chartSvg } from '../../bench/report/chart.ts'
import { PAGES } from '../../bench/report/pages.ts'
import type { Report } from '../../bench/report/report.ts'
import { boundsTable, comparisonTable, costTable } from '../../bench/report/tables.ts'
import { costOf } from '../../bench/statistics.ts'

const ROOT = join(import.meta.dirname, '../..')

const cost = (...wall: readonly number[]) =>
  costOf(wall.map((wallMs) => ({ wallMs, cpuMs: wallMs / 2, peakMb: 100 })))

const RESULT: CaseResult = {
  id: 'plan-sync/nft/10000',
  title: 'plan in sync',
  place: { backend: 'nft', rules: 10_000 },
  costs: { B: cost(40, 41, 42), S: cost(120, 120, 126), fwctl: cost(250, 241.5, 260) },
  bounds: [
    { form: '# (B + S)', figure: 250 / 161, limit: 1.5 },
    { form: 'yaml + # (B + S)', figure: -0.25, limit: 1.3 },
  ],
}

const OTHER: CaseResult = {
  id: 'apply-one/legacy/services/1000',
  title: 'apply',
  place: { backend: 'legacy', rules: 1000, kind: 'services' },
  costs: { ferm: cost(200), fwctl: cost(99.96) },
  bounds: [{ form: '# counters lost', figure: 0, limit: 0 }],
}

test('a table of bounds says what was measured, what it may be, and whether it holds', async () => {
  await expect(boundsTable([RESULT, OTHER])).toMatchFileSnapshot('golden/bounds.md')
})

test('a table of cases has a column for each of those that were compared', async () => {
  await expect(comparisonTable([RESULT, OTHER])).toMatchFileSnapshot('golden/comparison.md')
})

test('a table of one case has a row for each of those that were compared', async () => {
  await expect(costTable(RESULT)).toMatchFileSnapshot('golden/costs.md')
})

test('a case is told on a terminal', async () => {
  await expect(caseText(RESULT)).toMatchFileSnapshot('golden/case.txt')
})

test('figures have the digits that count', () => {
  expect([1234.5, 99.96, 9.876, 0.12345, 0.0123, 0].map(digits)).toEqual([
    '1235',
    '100',
    '9.88',
    '0.12',
    '0.012',
    '0',
  ])
})

const CHART = {
  title: 'time < "all"',
  x: 'rules',
  y: 'ms',
  panels: [
    {
      title: 'nft',
      series: [
        { name: 'fwctl', points: [[100, 50] as const, [10_000, 200] as const] },
        { name: 'S', points: [[100, 4] as const, [10_000, 195] as const] },
      ],
    },
    { title: 'legacy', series: [] },
  ],
}

test('a chart is drawn for light and for dark pages', async () => {
  const svg = chartSvg(CHART)
  expect(svg).toContain('prefers-color-scheme: dark')
  await expect(svg).toMatchFileSnapshot('golden/chart.svg')
})

test('names at the ends of curves do not cover each other', () => {
  const ends = [...chartSvg(CHART).matchAll(/<text x="[\d.]+" y="([\d.]+)">(?:fwctl|S)</g)].map(
    ([, y]) => Number(y),
  )
  expect(ends).toHaveLength(2)
  expect(Math.abs((ends[0] ?? 0) - (ends[1] ?? 0))).toBeGreaterThanOrEqual(14)
})

test('docs/performance.md and its plots are made from bench/latest.json: npm run bench -- --render', () => {
  const report = JSON.parse(readFileSync(join(ROOT, 'bench/latest.json'), 'utf8')) as Report
  for (const [path, text] of Object.entries(PAGES)) {
    expect(text(report), path).toBe(readFileSync(join(ROOT, path), 'utf8'))
  }
})

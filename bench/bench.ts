/**
 * What fwctl costs beside what iptables itself costs, in namespaces that are thrown away.
 * docs/performance.md says what the letters mean and shows the latest figures.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { BACKENDS } from '../test/e2e/namespace.ts'
import { type BenchCase, type CaseResult, holds } from './case.ts'
import { CASES, SIZES } from './cases/all.ts'
import { describeMachine } from './machine.ts'
import { caseText } from './report/case-text.ts'
import { PAGES } from './report/pages.ts'
import type { Report } from './report/report.ts'

const USAGE = `npm run bench -- [OPTION …]
  --quick            3 runs, up to 10,000 rules, fewer cases: 3 minutes
  --only WORD,…      only cases that have one of these in their names; repeatable
  --sizes N,…        of 100, 1000, 10000, 50000 rules
  --backends B,…     of nft, legacy
  --runs N           how often each command is run (default: 9)
  --list             the names of the cases
  --main FILE        the built bin (default: dist/main.cjs)
  --json FILE        the figures
  --write            the figures into bench/latest.json, and docs/performance.md from them
  --render           docs/performance.md from bench/latest.json; nothing is measured
`

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    sizes: { type: 'string' },
    backends: { type: 'string' },
    runs: { type: 'string' },
    list: { type: 'boolean', default: false },
    main: { type: 'string' },
    json: { type: 'string' },
    write: { type: 'boolean', default: false },
    render: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const ROOT = join(import.meta.dirname, '..')
const LATEST = join(ROOT, 'bench/latest.json')

if (values.help) console.log(USAGE)
else if (values.list) for (const { id } of wantedCases()) console.log(id)
else if (values.render) writePages(JSON.parse(readFileSync(LATEST, 'utf8')) as Report)
else await bench()

async function bench(): Promise<void> {
  // Rooms are cleared away at the exit of the process, which a signal would skip.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
  if (process.geteuid?.() !== 0) throw new Error('namespaces need root; nothing was measured')
  const main = resolve(values.main ?? join(ROOT, 'dist/main.cjs'))
  if (!existsSync(main)) throw new Error(`${main} is missing: npm run build`)
  const runs = Number(values.runs ?? (values.quick ? 3 : 9))
  const budgetMs = values.quick ? 8000 : 30_000
  const started = performance.now()
  const results: CaseResult[] = []
  const cases = wantedCases()
  for (const [index, { id, title, place, run }] of cases.entries()) {
    const start = performance.now()
    const outcome = await run({ runs, budgetMs, main })
    const result: CaseResult = { id, title, ...(place && { place }), ...outcome }
    results.push(result)
    const seconds = Math.round((performance.now() - start) / 1000)
    console.log(`${caseText(result)}\n  ${index + 1} of ${cases.length}, ${seconds} s\n`)
  }
  const report: Report = {
    date: new Date().toISOString().slice(0, 10),
    minutes: Math.round((performance.now() - started) / 6000) / 10,
    machine: describeMachine(),
    results,
  }
  const bounds = results.flatMap((result) => result.bounds)
  console.log(`${bounds.filter(holds).length} of ${bounds.length} bounds hold.`)
  if (values.json !== undefined) writeFileSync(values.json, jsonText(report))
  if (values.write) {
    const text = jsonText(report)
    writeFileSync(LATEST, text)
    // From what is kept, which is rounded: so `--render` makes the same.
    writePages(JSON.parse(text) as Report)
  }
}

function wantedCases(): readonly BenchCase[] {
  const only = values.only.flatMap((list) => list.split(','))
  const sizes = values.sizes?.split(',').map(Number) ?? SIZES
  const backends = values.backends?.split(',') ?? BACKENDS
  return CASES.filter(({ id, place }) => {
    if (only.length > 0 && !only.some((word) => id.includes(word))) return false
    if (place !== undefined && !sizes.includes(place.rules)) return false
    if (place !== undefined && !backends.includes(place.backend)) return false
    return !values.quick || only.length > 0 || isQuick(id, place)
  })
}

function isQuick(id: string, place: BenchCase['place']): boolean {
  if (place === undefined) return true
  const { rules, backend, kind = 'mixed' } = place
  if (rules > 10_000) return false
  if (backend === 'legacy' && !/^(plan|apply)/.test(id)) return false
  if (kind !== 'mixed' || id === 'go-append/nft/10000') return false
  return !/^(client|go-exists)/.test(id)
}

function writePages(report: Report): void {
  for (const [path, text] of Object.entries(PAGES)) writeFileSync(join(ROOT, path), text(report))
}

function jsonText(report: Report): string {
  const rounded = (_: string, value: unknown): unknown =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value
  return `${JSON.stringify(report, rounded, 2)}\n`
}

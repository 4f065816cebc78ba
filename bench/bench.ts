/**
 * What fwctl costs beside what iptables itself costs, in namespaces that are thrown away.
 *
 *   npm run bench -- --quick
 *   npm run bench -- --only plan-sync,apply-one/nft --runs 9
 */
import { existsSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { BenchCase, CaseResult } from './case.ts'
import { BOUNDED } from './cases/all.ts'
import { caseText } from './report/case-text.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    runs: { type: 'string' },
    main: { type: 'string', default: join(import.meta.dirname, '../dist/main.cjs') },
    json: { type: 'string' },
  },
})

const main = resolve(values.main)
if (!existsSync(main)) throw new Error(`${main} is missing: npm run build`)
const runs = Number(values.runs ?? (values.quick ? 3 : 9))
const wanted = values.only.flatMap((list) => list.split(','))
const isWanted = ({ id }: BenchCase): boolean =>
  wanted.length === 0 || wanted.some((part) => id.includes(part))

const results: CaseResult[] = []
for (const { id, title, run } of BOUNDED.filter(isWanted)) {
  const started = performance.now()
  const result: CaseResult = { id, title, ...(await run({ runs, main })) }
  results.push(result)
  const seconds = Math.round((performance.now() - started) / 1000)
  console.log(`${caseText(result)}\n  (${seconds} s)\n`)
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`)

/**
 * The full campaign of faults at every step of an apply, on the real kernel in namespaces of its own:
 *
 *   npm run faults -- --runs 500 --seed 1 [--backend nft|legacy] [--verbose]
 *
 * `--runs` counts per back end.
 */
import { parseArgs } from 'node:util'
import { BACKENDS } from '../test/e2e/namespace.ts'
import { campaign } from '../test/faults/campaign.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    backend: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
})

let bad = 0
for (const backend of BACKENDS.filter(
  (one) => values.backend === undefined || one === values.backend,
)) {
  const { runs, ends, faults } = await campaign({
    backend,
    runs: Number(values.runs),
    seed: Number(values.seed),
    onRun: (line) => values.verbose && console.log(line),
  })
  console.log(`${backend}: ${runs} runs, ${faults.length} wrong`)
  for (const [end, count] of Object.entries(ends).toSorted()) console.log(`  ${end} ${count}`)
  for (const fault of faults) console.log(`  WRONG ${fault}`)
  bad += faults.length
}
process.exitCode = bad === 0 ? 0 : 1

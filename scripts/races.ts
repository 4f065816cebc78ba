/**
 * The full campaign of applies against a racing writer, on the real kernel in a namespace of its own:
 *
 *   npm run races -- --applies 200 --seed 1 [--backend nft|legacy]
 *
 * `--applies` counts per back end.
 */
import { parseArgs } from 'node:util'
import { BACKENDS } from '../test/e2e/namespace.ts'
import { race } from '../test/e2e/races.ts'

const { values } = parseArgs({
  options: {
    applies: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    backend: { type: 'string' },
  },
})

let bad = 0
for (const backend of BACKENDS.filter(
  (one) => values.backend === undefined || one === values.backend,
)) {
  const { applied, unchanged, refused, retries, writes, faults } = await race({
    backend,
    applies: Number(values.applies),
    seed: Number(values.seed),
  })
  const others = Object.entries(refused).map(([code, count]) => `, ${count} ${code}`)
  console.log(
    `${backend}: ${applied} applied (${retries} of them begun anew), ${unchanged} unchanged` +
      `${others.join('')}; ${writes} writes of the other; ${faults.length} wrong`,
  )
  for (const fault of faults) console.log(`  WRONG ${fault}`)
  bad += faults.length
}
process.exitCode = bad === 0 ? 0 : 1

/**
 * The full campaign of "the fake does what the kernel does": random sequences of calls, on the fake
 * and in a namespace of the real kernel, on both back ends and families.
 *
 *   npm run fuzz:client -- --sequences 2000 --seed 1 [--calls N] [--outcomes]
 */
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { KERNELS, scratchNamespace } from '../test/e2e/namespace.ts'
import { withOwnLock } from '../test/e2e/own-lock.ts'
import { findDisagreements } from '../test/host/iptables/random-calls.ts'

const { values } = parseArgs({
  options: {
    sequences: { type: 'string', default: '2000' },
    calls: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    outcomes: { type: 'boolean', default: false },
    show: { type: 'string', default: '10' },
  },
})

const lockFile = `/tmp/fwctl-fuzz-client-${process.pid}.lock`
const total: Record<string, number> = {}
let different = 0
for (const [backend, family] of KERNELS) {
  await using scratch = await scratchNamespace()
  const { disagreements, outcomes } = await findDisagreements({
    executor: withOwnLock(scratch.executor, lockFile),
    backend,
    family,
    sequences: Math.ceil(Number(values.sequences) / KERNELS.length),
    callsEach: Number(values.calls),
    seed: Number(values.seed),
  })
  different += disagreements.length
  for (const [kind, count] of Object.entries(outcomes)) total[kind] = (total[kind] ?? 0) + count
  console.log(`${backend} ${family}: ${disagreements.length} disagreements`)
  for (const one of disagreements.slice(0, Number(values.show))) console.log(one)
}
rmSync(lockFile, { force: true })
if (values.outcomes) console.log(Object.fromEntries(Object.entries(total).sort()))
console.log(`${values.sequences} sequences, ${different} disagreements`)
process.exitCode = different === 0 ? 0 : 1

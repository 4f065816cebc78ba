/**
 * The full campaign of "what is typed is what is saved": random rules of all extensions, loaded
 * into the real kernel in a namespace of its own, on both back ends and families.
 *
 *   npm run fuzz:kernel -- --rules 20000 --seed 1 [--only NAME] [--refused N]
 */
import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { BUILTIN_NAMES } from '../src/extensions/builtin-names.ts'
import type { Dialect } from '../src/ruleset/model.ts'
import { KERNELS, scratchNamespace } from '../test/e2e/namespace.ts'
import { compareWithKernel } from '../test/generate/kernel-differences.ts'

const { values } = parseArgs({
  options: {
    rules: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    refused: { type: 'string', default: '0' },
    show: { type: 'string', default: '20' },
  },
})

let total = 0
let different = 0
for (const [backend, family] of KERNELS) {
  await using scratch = await scratchNamespace()
  const dialect: Dialect = { family, backend, version: [1, 8, 9] }
  const { compared, differences } = await compareWithKernel({
    scratch,
    dialect,
    names: BUILTIN_NAMES,
    rules: Math.ceil(Number(values.rules) / KERNELS.length),
    seed: Number(values.seed),
    refused: Number(values.refused),
    ...(values.only !== undefined && { only: values.only }),
  })
  total += compared
  different += differences.length
  console.log(`${backend} ${family}: ${compared} rules, ${differences.length} differences`)
  for (const { kind, typed, expected, saved } of differences.slice(0, Number(values.show))) {
    console.log(`  ${kind}: ${typed}\n    fwctl ${expected}\n    saved ${saved}`)
  }
}
rmSync(`/tmp/fwctl-fuzz-${process.pid}.lock`, { force: true })
console.log(`${total} rules, ${different} differences`)
process.exitCode = different === 0 ? 0 : 1

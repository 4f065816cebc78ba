// `npm test`: checks everything, on a clean clone too, so it starts with plain Node and no packages.
// Arguments go to vitest: `npm test -- test/net`.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ensureDebianPackages, ensureNpm, hasKernelAccess } from './install.mjs'

const ROOT = join(import.meta.dirname, '..')
const BIN = join(ROOT, 'node_modules/.bin')
const failures = []

step('npm packages', ensureNpm)
step('Debian packages', ensureDebianPackages)
step('format and lint', () => tool('biome', 'check', '--error-on-warnings'))
step('types', () => tool('tsc'))
step('dead code', () => tool('knip'))
if (existsSync(join(ROOT, 'scripts/generate.ts'))) {
  step('generated files are fresh', () => tool('tsx', 'scripts/generate.ts', '--check'))
}
step('build', () => exec(process.execPath, 'scripts/build.mjs'))
if (failures.length > 0) console.log(`\nFAILED before the tests: ${failures.join(', ')}`)

// Last, because its reporter ends the output with the line of counts.
process.env.FWCTL_REQUIRE_KERNEL ??= hasKernelAccess() ? '1' : '0'
step('tests', () => tool('vitest', 'run', ...process.argv.slice(2)))
process.exitCode = failures.length > 0 ? 1 : 0

/** Runs one step under its heading and remembers whether it failed; the next one runs regardless. */
function step(title, action) {
  console.log(`\n=== ${title} ===`)
  const started = performance.now()
  try {
    action()
  } catch (error) {
    failures.push(title)
    if (title === 'tests') return
    console.log(`FAILED: ${error.message}`)
  }
  if (title !== 'tests') console.log(`(${((performance.now() - started) / 1000).toFixed(1)} s)`)
}

function tool(name, ...args) {
  exec(join(BIN, name), ...args)
}

function exec(command, ...args) {
  const { status, error } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit' })
  if (status !== 0) throw new Error(error?.message ?? `exit code ${status}`)
}

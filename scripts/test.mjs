// `npm test`: checks everything, on a clean clone too, so it starts with plain Node and no packages.
// Arguments go to vitest: `npm test -- test/net`.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ensureDebianPackages, ensureNpm, hasKernelAccess } from './install.mjs'

const ROOT = join(import.meta.dirname, '..')
const failures = []

step('npm packages', ensureNpm)
if (failures.length > 0) {
  console.log('Nothing can run without them.\n0 passed, 1 failed')
  process.exit(1)
}
step('Debian packages', ensureDebianPackages)
step('format and lint', () => tool('biome', 'check', '--error-on-warnings'))
step('types', () => tool('tsc'))
step('dead code', () => tool('knip', '--no-config-hints'))
if (existsSync(join(ROOT, 'scripts/generate.ts'))) {
  step('generated files', () => tool('tsx', 'scripts/generate.ts', '--check'))
}
step('build', () => run(process.execPath, 'scripts/build.mjs'))
if (failures.length > 0) console.log(`\nFAILED before the tests: ${failures.join(', ')}`)

// Last, because its reporter ends the output with the line of counts.
console.log('\n=== tests ===')
process.env.FWCTL_REQUIRE_KERNEL ??= hasKernelAccess() ? '1' : '0'
const status = tool('vitest', 'run', ...process.argv.slice(2))
process.exitCode = failures.length > 0 ? 1 : status

/** Runs one step under its heading and remembers whether it failed; the next one runs regardless. */
function step(title, action) {
  console.log(`\n=== ${title} ===`)
  const started = performance.now()
  const ok = action() === 0
  if (!ok) failures.push(title)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(ok ? `ok (${seconds} s)` : `FAILED: ${title} (${seconds} s)`)
}

function tool(name, ...args) {
  return run(join(ROOT, 'node_modules/.bin', name), ...args)
}

/** The exit code. */
function run(command, ...args) {
  const { status, error } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit' })
  if (error !== undefined) console.log(error.message)
  return status ?? 1
}

import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { temporaryFolder } from '../cli/run-cli.ts'

/** What a command loads decides how fast it starts; `npm run bench -- --only start-up` measures it. */
const DIST = join(import.meta.dirname, '../../dist')
const POLICY = join(import.meta.dirname, '../../examples/web-server/policy.yaml')

beforeAll(() => expect(existsSync(join(DIST, 'main.cjs')), 'run npm run build first').toBe(true))

/** Runs the bin from a folder that holds only some of what was built. */
function runWithout(missing: (file: string) => boolean, argv: readonly string[]) {
  using folder = temporaryFolder()
  for (const file of readdirSync(DIST)) {
    if (/\.(c|m)?js$/.test(file) && !missing(file)) {
      copyFileSync(join(DIST, file), join(folder.path, file))
    }
  }
  const main = join(folder.path, 'main.cjs')
  return spawnSync(process.execPath, [main, ...argv], { encoding: 'utf8' })
}

test('--version is answered by the entry alone', () => {
  const { status, stdout, stderr } = runWithout((file) => file !== 'main.cjs', ['--version'])
  expect(stderr).toBe('')
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  expect(status).toBe(0)
})

test.each([
  ['validate', ['validate', POLICY]],
  ['render', ['render', POLICY]],
  ['help', ['--help']],
])('%s starts without what runs processes and what logs', (_what, argv) => {
  const { status, stderr } = runWithout((file) => /^(execa|pino)/.test(file), argv)
  expect(stderr).toBe('')
  expect(status).toBe(0)
})

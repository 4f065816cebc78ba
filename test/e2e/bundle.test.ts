import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { temporaryFolder } from '../cli/run-cli.ts'

const MAIN = join(import.meta.dirname, '../../dist/main.cjs')

beforeAll(() => expect(existsSync(MAIN), 'run npm run build first').toBe(true))

// A CommonJS package that is loaded late has other exports in a bundle than in the sources.
test.each([
  ['the log', ['--log-level', 'debug', '--log-format', 'json']],
  ['a unified diff', ['--format', 'diff']],
  ['markdown', ['--format', 'markdown']],
  ['JSON', ['--format', 'json']],
])('what is loaded only when it is asked for works in the bundle: %s', (_, options) => {
  using folder = temporaryFolder()
  const policy = join(folder.path, 'policy.yaml')
  writeFileSync(
    policy,
    'apiVersion: fwctl/v1\ntables: { filter: { chains: { A: { rules: [-j DROP] } } } }\n',
  )
  writeFileSync(join(folder.path, 'live.rules'), '')
  const argv = [MAIN, 'plan', policy, '--live4', join(folder.path, 'live.rules'), ...options]
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  expect(stdout).toContain('DROP')
})

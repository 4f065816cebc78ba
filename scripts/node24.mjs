// Runs the unit tests under Node 24, taken from its npm package into node_modules/.cache.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ensureNpm } from './install.mjs'

process.chdir(join(import.meta.dirname, '..'))
if (ensureNpm() !== 0) process.exit(1)

const cache = 'node_modules/.cache/node24'
const name = `node-${process.platform}-${process.arch}`
const node = join(cache, 'node_modules', name, 'bin/node')

if (!existsSync(node)) {
  mkdirSync(cache, { recursive: true })
  run('npm', ['install', '--prefix', cache, '--no-save', '--no-audit', '--no-fund', `${name}@24`])
}
run(node, ['--version'])
run(node, ['node_modules/vitest/vitest.mjs', 'run', '--project', 'unit', ...process.argv.slice(2)])

function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' })
  if (error !== undefined) throw error
  if (status !== 0) process.exit(status ?? 1)
}

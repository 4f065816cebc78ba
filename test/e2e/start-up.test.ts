import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../cli/run-cli.ts'

const MAIN = join(import.meta.dirname, '../../dist/main.js')
const ROUNDS = 12

test('the bin starts in at most 1.6 times the time of Node, and validates 50 rules in at most 3', () => {
  expect(existsSync(MAIN), 'run npm run build first').toBe(true)
  using folder = temporaryFolder()
  const policy = join(folder.path, 'policy.yaml')
  writeFileSync(policy, policyOf(50))
  const commands = {
    node: ['-e', '0'],
    version: [MAIN, '--version'],
    validate: [MAIN, 'validate', policy],
  }
  // Side by side, so that a busy moment of the machine hits all of them; the best counts.
  const best: Record<keyof typeof commands, number> = {
    node: Infinity,
    version: Infinity,
    validate: Infinity,
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of ['node', 'version', 'validate'] as const) {
      best[name] = Math.min(best[name], wallTime(commands[name]))
    }
  }
  expect(best.version / best.node).toBeLessThanOrEqual(1.6)
  expect(best.validate / best.node).toBeLessThanOrEqual(3)
})

function wallTime(argv: readonly string[]): number {
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env
  const started = performance.now()
  const { status, stderr } = spawnSync(process.execPath, argv, { env, encoding: 'utf8' })
  const elapsed = performance.now() - started
  expect(status, stderr).toBe(0)
  return elapsed
}

function policyOf(rules: number): string {
  const lines = Array.from(
    { length: rules },
    (_, i) =>
      `          - { name: rule ${i}, source: 10.0.${i}.0/24, protocol: tcp, dport: ${i + 1}, jump: ACCEPT }\n`,
  )
  return `apiVersion: fwctl/v1
families: [ipv4]
tables:
  filter:
    chains:
      INPUT:
        policy: DROP
        rules:
${lines.join('')}`
}

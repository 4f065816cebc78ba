import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { temporaryFolder } from '../cli/run-cli.ts'
import { scratchNamespace } from './namespace.ts'

/** What a command loads decides how fast it starts; `npm run bench -- --only start-up` measures it. */
const DIST = join(import.meta.dirname, '../../dist')
const POLICY = join(import.meta.dirname, '../../examples/web-server/policy.yaml')

beforeAll(() => expect(existsSync(join(DIST, 'main.cjs')), 'run npm run build first').toBe(true))

/** Runs the bin from a folder that holds only some of what was built. */
function runWithout(
  missing: (file: string) => boolean,
  argv: readonly string[],
  { namespace = '', ...env }: Readonly<Record<string, string>> = {},
) {
  using folder = temporaryFolder()
  for (const file of readdirSync(DIST)) {
    if (/\.(c|m)?js$/.test(file) && !missing(file)) {
      copyFileSync(join(DIST, file), join(folder.path, file))
    }
  }
  const main = join(folder.path, 'main.cjs')
  const [program = '', ...words] = [
    ...(namespace === '' ? [] : ['nsenter', `--net=/proc/${namespace}/ns/net`, '--']),
    process.execPath,
    main,
    ...argv,
  ]
  return spawnSync(program, words, { encoding: 'utf8', env: { ...process.env, ...env } })
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

const all = (): boolean => false
const rules = (file: string): boolean => file.startsWith('rules')

test('a policy that is known is valid without anything that reads rules', () => {
  using cache = temporaryFolder()
  const env = { XDG_CACHE_HOME: cache.path }
  expect(runWithout(all, ['validate', POLICY], env).status).toBe(0)
  const { status, stderr } = runWithout(rules, ['validate', POLICY], env)
  expect(stderr).toBe('')
  expect(status).toBe(0)
})

test('a plan in sync, of a policy that is known, is made without it, and asks for no version', async () => {
  await using host = await scratchNamespace()
  using folder = temporaryFolder()
  const env = { XDG_CACHE_HOME: join(folder.path, 'cache'), namespace: `${host.pid}` }
  await host.run('iptables-nft-restore', [], RULES)
  const policy = join(folder.path, 'policy.yaml')
  const imported = runWithout(all, ['import', '--family', 'ipv4'], env)
  expect(imported.status, imported.stderr).toBe(0)
  writeFileSync(policy, imported.stdout)
  const plan = ['plan', policy, '--detailed-exitcode', '--state-dir', join(folder.path, 'state')]
  expect(runWithout(all, plan, env)).toMatchObject({ status: 0, stderr: '' })
  expect(runWithout(rules, plan, env)).toMatchObject({ status: 0, stderr: '' })
  const { stderr } = runWithout(all, [...plan, '--log-level', 'debug'], env)
  expect(stderr).toContain('-save')
  expect(stderr).not.toContain('--version')
})

const RULES = `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:own - [0:0]
-A INPUT ! -s 10.0.0.0/8 -p tcp -m multiport --dports 22,80 -m comment --comment "a b" -j own
-A own -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readApplied } from '../../src/host/applied.ts'
import { listSnapshots, readSnapshot } from '../../src/host/snapshots.ts'
import { stateDirPaths } from '../../src/host/state-dir.ts'
import { type CliNamespace, cliNamespace } from './cli-namespace.ts'
import { BACKENDS } from './namespace.ts'

const MAIN = join(import.meta.dirname, '../../dist/main.cjs')
const POLICIES = 5
const WAIT = ['--auto-approve', '--rehearse', 'off', '--lock-wait', '600']

const portsOf = (n: number): readonly number[] => [22, 8000 + n, 9000 + n]

function writePolicies(it: CliNamespace): void {
  for (let n = 0; n < POLICIES; n++) {
    const rules = portsOf(n).map((port) => ({ protocol: 'tcp', dport: port, jump: 'ACCEPT' }))
    const policy = {
      apiVersion: 'fwctl/v1',
      metadata: { name: `policy-${n}` },
      families: ['ipv4'],
      tables: { filter: { chains: { INPUT: { policy: 'DROP', rules } } } },
    }
    it.write(`${n}.json`, JSON.stringify(policy))
  }
}

/** Which of the policies a dump is the whole of; undefined: something in between. */
function policyIn(dump: string): number | undefined {
  const ports = [...dump.matchAll(/^(?:\[\d+:\d+\] )?-A INPUT .*--dport (\d+) /gm)].map((match) =>
    Number(match[1]),
  )
  const found = [...Array(POLICIES).keys()].find((n) => portsOf(n).join() === ports.join())
  return /^:INPUT DROP/m.test(dump) ? found : undefined
}

/** Every state that there was is one of the policies, and the record is about the last of them. */
async function expectSerialised(it: CliNamespace): Promise<void> {
  const last = policyIn(await it.save('ipv4'))
  expect(last).toBeDefined()
  const plan = await it.fwctl(['plan', `${last}.json`, '--detailed-exitcode'])
  expect(plan).toMatchObject({ code: 0 })
  const state = stateDirPaths(it.stateDir, { stateKey: `netns-${it.name}` })
  for (const id of (await listSnapshots(state)).slice(1)) {
    expect(policyIn((await readSnapshot(state, id)).dumps.ipv4 ?? '')).toBeDefined()
  }
  const applied = await readApplied(state)
  expect(policyIn(applied?.families.ipv4?.rules ?? '')).toBe(last)
  expect(readFileSync(state.applied, 'utf8').endsWith('}\n')).toBe(true)
}

test.each(BACKENDS)(
  'fifty applies at once on %s take turns, and each of them is done',
  async (backend) => {
    await using it = await cliNamespace(backend)
    writePolicies(it)
    const runs = Array.from({ length: 50 }, (_, index) =>
      it.fwctl(['apply', `${index % POLICIES}.json`, ...WAIT]),
    )
    for (const { code, stderr } of await Promise.all(runs))
      expect({ code, stderr }).toMatchObject({ code: 0 })
    await expectSerialised(it)
  },
  300_000,
)

test('so do programs of their own; one that will not wait says that the lock is busy', async () => {
  await using it = await cliNamespace('nft')
  writePolicies(it)
  const options = ['--netns', it.name, '--backend', 'nft', '--state-dir', it.stateDir]
  const apply = async (n: number, ...more: readonly string[]): Promise<number | null> => {
    const child = spawn(
      process.execPath,
      [MAIN, 'apply', join(it.folder, `${n}.json`), '--quiet', ...options, ...WAIT, ...more],
      { stdio: 'ignore' },
    )
    const [status] = await once(child, 'close')
    return status
  }
  const patient = [...Array(8).keys()].map((n) => apply(n % POLICIES))
  const hasty = [...Array(4).keys()].map((n) => apply(n % POLICIES, '--lock-wait', '0'))
  expect(await Promise.all(patient)).toEqual(Array(8).fill(0))
  for (const status of await Promise.all(hasty)) expect([0, 75]).toContain(status)
  await expectSerialised(it)
})

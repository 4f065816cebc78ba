import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import type { BenchCase } from '../../bench/case.ts'
import { applyOne } from '../../bench/cases/apply.ts'
import { edits } from '../../bench/cases/edits.ts'
import { firstLoad } from '../../bench/cases/first-load.ts'
import { append } from '../../bench/cases/go-iptables.ts'
import { openManagedRoom } from '../../bench/cases/managed-room.ts'
import { planCold } from '../../bench/cases/plan.ts'
import { counters } from '../../bench/cases/unharmed.ts'
import { policyYaml } from '../../bench/languages/policy.ts'
import { FERM, openFerm } from '../../bench/peers/ferm.ts'
import { isInstalled } from '../../bench/peers/peer.ts'
import { openShorewall, SHOREWALL } from '../../bench/peers/shorewall.ts'
import { openUfw, UFW } from '../../bench/peers/ufw.ts'
import { openRoom } from '../../bench/room.ts'
import { RULESETS, type RulesetKind } from '../../bench/rulesets/kinds.ts'
import { BACKENDS } from './namespace.ts'

const main = join(import.meta.dirname, '../../dist/main.cjs')
const once = { main, runs: 1, budgetMs: 0 }

beforeAll(() => expect(existsSync(main), 'run npm run build first').toBe(true))

test('a room has nothing of the network, the locks and the environment of the machine', async () => {
  await using room = await openRoom({ only: 'legacy' })
  expect(await room.run(['ip', '-oneline', 'link'])).toMatch(/^1: lo:.*\n$/)
  const run = (await room.run(['ls', '/run'])).split('\n').filter((name) => name !== 'mount')
  expect(run).toEqual(['alternatives', 'nothing', ''])
  expect(await room.run(['env'])).not.toContain('NODE_EXTRA_CA_CERTS')
  expect(await room.run(['iptables', '--version'])).toContain('legacy')
  await expect(room.run(['iptables-nft', '--version'])).rejects.toThrow('denied')
})

test('what a command costs is counted with all that it starts', async () => {
  await using room = await openRoom()
  const busy = 'while (process.cpuUsage().user < 200e3);'
  const { wallMs, cpuMs, peakMb } = await room.measure({
    argv: ['sh', '-c', `sleep 0.1; ${process.execPath} -e '${busy}'; true`],
  })
  expect(wallMs).toBeGreaterThan(300)
  expect(cpuMs).toBeGreaterThan(200)
  expect(peakMb).toBeGreaterThan(20)
})

const NFT = { backend: 'nft', rules: 100 } as const
const SMALL: readonly BenchCase[] = [
  planCold(NFT),
  ...BACKENDS.map((backend) => applyOne({ ...NFT, backend })),
  firstLoad(NFT),
  edits(NFT, 10),
  append(NFT),
]

test.each(SMALL.map((one) => [one.id, one] as const))('%s measures all of it', async (_, one) => {
  const { costs } = await one.run(once)
  expect(costs).toHaveProperty('fwctl')
  for (const { wallMs, cpuMs } of Object.values(costs)) {
    expect(wallMs.median).toBeGreaterThan(0)
    expect(cpuMs.median).toBeGreaterThan(0)
  }
})

test('no counter of a rule that stays is lost', async () => {
  const { bounds } = await counters(NFT).run(once)
  expect(bounds.map(({ figure }) => figure)).toEqual([0])
})

const KINDS: readonly RulesetKind[] = ['mixed', 'zones', 'kubernetes']

test.skipIf(!isInstalled(FERM)).each(KINDS)(
  'of the ruleset %s, ferm makes what the policy says',
  async (kind) => {
    const ruleset = RULESETS[kind](120)
    await using ferm = await openFerm('nft', [ruleset])
    await using room = await openManagedRoom({ main, backend: 'nft' })
    await ferm?.run(0)
    const dump = room.write('dump', (await ferm?.room.run(['iptables-save'])) ?? '')
    const policy = room.write('policy.yaml', policyYaml(ruleset))
    const plan = ['plan', policy, '--live4', dump, '--backend', 'nft']
    expect(await room.run([process.execPath, main, ...plan])).toBe('No changes.\n')
  },
)

const SERVICES = RULESETS.services(64)
const PORTS = /-A \S+ -s 10\.0\.\d+\.0\/24 .*--dport 800\d /g

test.skipIf(!isInstalled(SHOREWALL))('Shorewall loads one rule for each service', async () => {
  await using shorewall = await openShorewall('nft', [SERVICES])
  expect((await shorewall?.room.run(['iptables-nft-save']))?.match(PORTS)).toHaveLength(64)
})

test.skipIf(!isInstalled(UFW))('ufw loads one rule for each service, and adds one', async () => {
  await using ufw = await openUfw('nft', SERVICES)
  expect((await ufw?.room.run(['iptables-nft-save']))?.match(PORTS)).toHaveLength(64)
  await ufw?.run(0)
  expect(await ufw?.room.run(['iptables-nft-save'])).toContain('-s 198.18.0.1/32')
})

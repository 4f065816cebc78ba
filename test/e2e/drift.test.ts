import { describe, expect, test } from 'vitest'
import { driftSince } from '../../src/cli/drift-input.ts'
import { readApplied } from '../../src/host/applied.ts'
import { detectBackend } from '../../src/host/backend.ts'
import { readLive } from '../../src/host/live.ts'
import { planRollback } from '../../src/host/rollback.ts'
import { readSnapshot } from '../../src/host/snapshots.ts'
import type { FamilyDrift } from '../../src/plan/drift.ts'
import { planFromSaved, readSavedPlan, serialisePlan } from '../../src/plan/saved.ts'
import type { Family } from '../../src/ruleset/model.ts'
import { KERNELS } from './namespace.ts'
import { otherTools, planPolicy } from './policy-bench.ts'
import { type Workbench, workbench } from './workbench.ts'

const POLICY = `
apiVersion: fwctl/v1
tables:
  filter:
    chains:
      INPUT:
        policy: DROP
        rules:
          - { name: loopback, in-interface: lo, jump: ACCEPT }
          - { name: established, ctstate: [RELATED, ESTABLISHED], jump: ACCEPT }
          - { name: ssh, protocol: tcp, dport: 22, match: { limit: { limit: 6/minute } }, jump: ACCEPT }
          - { protocol: tcp, dport: [80, 443], jump: WEB }
      WEB: { rules: [{ jump: { LOG: { log-prefix: "web: " } } }, { jump: ACCEPT }] }
      FORWARD: { policy: DROP, rules: [{ name: lan, in-interface: lan0, jump: ACCEPT }] }
  nat:
    chains:
      POSTROUTING: { rules: [{ name: internet, out-interface: wan0, jump: MASQUERADE }] }
`

async function driftOf(bench: Workbench, family: Family, policy = POLICY): Promise<FamilyDrift> {
  const record = await readApplied(bench.stateDir)
  if (record === undefined) throw new Error('nothing was applied')
  const { families } = driftSince(record, await planPolicy(bench, policy, [family]))
  if (families[0] === undefined) throw new Error('no drift of this family')
  return families[0]
}

async function edited(bench: Workbench, family: Family, ...lines: readonly string[]) {
  await bench.load(family, `*filter\n${lines.join('\n')}\nCOMMIT\n`)
  const { items, policyChanges } = await driftOf(bench, family)
  expect(policyChanges).toEqual([])
  return items.map(({ change, standing }) => `${change.kind} ${change.chain} ${standing}`)
}

describe.each(KERNELS)('on %s %s', (backend, family) => {
  async function applied(mode = 'chains') {
    const bench = await workbench(backend)
    for (const [name, dump] of otherTools(family)) {
      if (name === 'docker-27') await bench.load(family, dump)
    }
    const policy = `${POLICY}ownership: { mode: ${mode} }\n`
    await bench.apply(await planPolicy(bench, policy, [family]))
    return { bench, policy }
  }

  test('what was just applied has not drifted, in any mode of ownership', async () => {
    for (const mode of ['chains', 'hooks', 'exclusive']) {
      const { bench, policy } = await applied(mode)
      await using _ = bench
      const drift = await driftOf(bench, family, policy)
      expect([mode, drift.items, drift.policyChanges]).toEqual([mode, [], []])
    }
  })

  test('what Docker does at its work is no drift', async () => {
    const { bench } = await applied()
    await using _ = bench
    const changes = await edited(
      bench,
      family,
      '-A DOCKER -p tcp -j ACCEPT',
      '-A FORWARD -i br-9a9b9c9d9e9f ! -o br-9a9b9c9d9e9f -j ACCEPT',
      '-D FORWARD -j DOCKER-USER',
      '-I FORWARD 1 -j DOCKER-USER',
    )
    expect(changes).toEqual([])
  })

  test('what somebody does by hand is, down to the rule', async () => {
    const { bench } = await applied()
    await using _ = bench
    expect(await edited(bench, family, '-I INPUT 2 -p tcp -m tcp --dport 23 -j ACCEPT')).toEqual([
      'rule-add INPUT reverted',
    ])
    expect(await edited(bench, family, ':FORWARD ACCEPT [0:0]', '-D WEB 2')).toEqual([
      'rule-add INPUT reverted',
      'policy-change FORWARD reverted',
      'rule-remove WEB reverted',
    ])
    const undo = await planPolicy(bench, POLICY, [family])
    await bench.apply(undo)
    expect((await driftOf(bench, family)).items).toEqual([])
  })

  test('a hook that somebody pulled out is told, and so is a rule in its chain', async () => {
    const { bench, policy } = await applied('hooks')
    await using _ = bench
    await bench.load(
      family,
      '*filter\n-D INPUT 1\n-D FWCTL-INPUT 1\n-A INPUT -p tcp -j ACCEPT\nCOMMIT\n',
    )
    const { items } = await driftOf(bench, family, policy)
    expect(items.map(({ change }) => `${change.kind} ${change.chain}`)).toEqual([
      'rule-remove INPUT',
      'rule-remove FWCTL-INPUT',
    ])
  })

  test('a saved plan and a way back are applies like any other', async () => {
    const { bench } = await applied()
    await using _ = bench
    const tools = await detectBackend(bench.scratch.executor, backend)
    const live = () => readLive(bench.scratch.executor, tools, { families: [family] })
    const changed = POLICY.replace('dport: 22', 'dport: 2222')
    const saved = readSavedPlan(serialisePlan(await planPolicy(bench, changed, [family])))
    await bench.apply(planFromSaved(saved, await live()))
    expect((await driftOf(bench, family, changed)).items).toEqual([])
    const since = await driftOf(bench, family, POLICY)
    expect([since.items.length, since.policyChanges.length]).toEqual([0, 1])

    const snapshot = await readSnapshot(bench.stateDir)
    const back = await planRollback({ live: await live(), snapshot, stateDir: bench.stateDir })
    await bench.apply(back)
    expect((await driftOf(bench, family, POLICY)).items).toEqual([])
    expect((await driftOf(bench, family, changed)).policyChanges).toHaveLength(1)
  })
})

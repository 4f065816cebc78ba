import { describe, expect, test } from 'vitest'
import type { Change } from '../../src/plan/change.ts'
import type { Plan } from '../../src/plan/plan.ts'
import { planFromSaved, readSavedPlan, serialisePlan } from '../../src/plan/saved.ts'
import type { Family } from '../../src/ruleset/model.ts'
import { BACKENDS, KERNELS, withoutCounters } from './namespace.ts'
import { firstLost, otherTools, planPolicy, rulesIn } from './policy-bench.ts'
import { type Workbench, workbench } from './workbench.ts'

/** Has its say in every built-in chain that the fixtures use. */
const FIRST = `
apiVersion: fwctl/v1
tables:
  filter:
    chains:
      INPUT:
        policy: DROP
        rules:
          - { name: loopback, in-interface: lo, jump: ACCEPT }
          - { name: established, ctstate: [RELATED, ESTABLISHED], jump: ACCEPT }
          - { name: ssh, protocol: tcp, dport: 22, jump: ACCEPT }
      FORWARD:
        policy: DROP
        rules:
          - { name: established, ctstate: [RELATED, ESTABLISHED], jump: ACCEPT }
          - { name: lan, in-interface: lan0, jump: LAN }
      OUTPUT: { rules: [{ name: no smtp, protocol: tcp, dport: 25, jump: REJECT }] }
      LAN: { rules: [{ jump: ACCEPT }] }
  nat:
    chains:
      PREROUTING: { rules: [] }
      OUTPUT: {}
      POSTROUTING: { rules: [{ name: internet, out-interface: wan0, jump: MASQUERADE }] }
  mangle:
    chains: { PREROUTING: {}, POSTROUTING: { rules: [{ name: mss, protocol: tcp, jump: ACCEPT }] } }
  raw:
    chains: { PREROUTING: { rules: [{ name: dns, protocol: udp, dport: 53, jump: NOTRACK }] } }
`
/** One rule more at the head, one changed, one gone, two that swapped places. */
const SECOND = FIRST.replace(
  '- { name: loopback, in-interface: lo, jump: ACCEPT }',
  '- { name: bogus, ctstate: INVALID, jump: DROP }\n          - { name: loopback, in-interface: lo, jump: ACCEPT }',
)
  .replace('dport: 22', 'dport: 2222')
  .replace('\n          - { name: lan, in-interface: lan0, jump: LAN }', '')
  .replace(
    'OUTPUT: { rules: [',
    'OUTPUT: { rules: [{ name: dns, protocol: udp, dport: 53, jump: ACCEPT }, ',
  )

const NETWORKS: Readonly<Record<Family, string>> = { ipv4: '192.0.2.0/24', ipv6: '2001:db8::/32' }

const HOOKS = (text: string, position: string): string =>
  `${text}ownership: { mode: hooks, hook: ${position} }\n`

function changesOf(plan: Plan): readonly Change[] {
  return plan.families.flatMap((family) => family.changes)
}

/** What is changed without being the policy's. */
function notOurs(plan: Plan, own: ReadonlySet<string>): readonly string[] {
  return changesOf(plan).flatMap((change) => {
    const rule = 'after' in change ? change.after : change.before
    const isOurs = rule.origin !== undefined || ('text' in rule && own.has(rule.text))
    return isOurs ? [] : [JSON.stringify([change.kind, change.chain, 'text' in rule && rule.text])]
  })
}

function ownTexts(dump: string, others: string): ReadonlySet<string> {
  const theirs = new Set([...rulesIn(others).values()].flat())
  return new Set([...rulesIn(dump).values()].flat().filter((text) => !theirs.has(text)))
}

describe.each(KERNELS)('next to other tools on %s %s', (backend, family) => {
  const net = NETWORKS[family]
  const everything = otherTools(family).map(([name, dump]) => [name, dump] as const)

  test.each(everything)(
    '%s loses no line, and the plan shows only what is ours',
    async (_tool, dump) => {
      await using bench = await workbench(backend)
      await bench.load(family, dump)
      const before = await bench.save(family)

      let own: ReadonlySet<string> = new Set()
      for (const policy of [FIRST, SECOND, FIRST]) {
        const plan = await planPolicy(bench, policy, [family])
        expect(notOurs(plan, own)).toEqual([])
        expect((await bench.apply(plan)).kind).toBe('applied')
        const after = await bench.save(family)
        expect(firstLost(before, after)).toBeUndefined()
        expect(changesOf(await planPolicy(bench, policy, [family]))).toEqual([])
        own = ownTexts(after, before)
      }
    },
  )

  test.each(['first', 'last'])(
    'hooked in %s, all of them together lose no line',
    async (position) => {
      await using bench = await workbench(backend)
      for (const [, dump] of everything)
        if (!dump.includes('# Docker 28')) await bench.load(family, additions(dump))
      await bench.load(family, `*filter\n-A INPUT -s ${net} -j ACCEPT\nCOMMIT\n`)
      const before = await bench.save(family)

      let own: ReadonlySet<string> = new Set()
      for (const policy of [FIRST, SECOND, FIRST]) {
        const plan = await planPolicy(bench, HOOKS(policy, position), [family])
        expect(notOurs(plan, own)).toEqual([])
        await bench.apply(plan)
        const after = await bench.save(family)
        expect(firstLost(before, after)).toBeUndefined()
        expect(policies(after)).toEqual(policies(before))
        const input = rulesIn(after).get('filter INPUT') ?? []
        expect(input.at(position === 'first' ? 0 : -1)).toBe('-j FWCTL-INPUT')
        expect(rulesIn(after).get('filter FWCTL-INPUT')?.at(-1)).toBe('-j DROP')
        expect(changesOf(await planPolicy(bench, HOOKS(policy, position), [family]))).toEqual([])
        own = ownTexts(after, before)
      }

      // Somebody goes first, or last: the hook goes back to its place, past the others.
      await bench.load(
        family,
        `*filter\n-I INPUT 1 -s ${net} -j LOG\n-A INPUT -s ${net} -j DROP\nCOMMIT\n`,
      )
      const crowded = await bench.save(family)
      const moved = await planPolicy(bench, HOOKS(FIRST, position), [family])
      expect(changesOf(moved)).toMatchObject([
        { kind: 'rule-move', after: { text: '-j FWCTL-INPUT' } },
      ])
      await bench.apply(moved)
      expect(firstLost(withoutHook(crowded), await bench.save(family))).toBeUndefined()

      // Back to owning the chains: nothing of the hooks stays.
      await bench.apply(await planPolicy(bench, FIRST, [family]))
      expect(await bench.save(family)).not.toContain('FWCTL-')
    },
  )
})

/** A fixture onto a host that has others already: chains of the same name are not flushed. */
function additions(dump: string): string {
  return dump.replaceAll(/^:[A-Z]+ (ACCEPT|DROP) .*\n/gm, '')
}

function policies(dump: string): readonly string[] {
  return [...withoutCounters(dump).matchAll(/^:\S+ (?:ACCEPT|DROP) /gm)].map(([line]) => line)
}

function withoutHook(dump: string): string {
  return dump.replaceAll(/^.*-A INPUT -j FWCTL-INPUT\n/gm, '')
}

describe.each(BACKENDS)('Docker at work between plan and apply, on %s', (backend) => {
  const family: Family = 'ipv4'
  const docker = otherTools(family).find(([name]) => name === 'docker-27')?.[1] ?? ''

  async function planned(): Promise<{ bench: Workbench; saved: string; plan: Plan }> {
    const bench = await workbench(backend)
    await bench.load(family, docker)
    const plan = await planPolicy(bench, FIRST, [family])
    return { bench, plan, saved: serialisePlan(plan) }
  }

  const CONTAINER = `*nat
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 9090 -j DNAT --to-destination 172.17.0.9:90
COMMIT
*filter
:DOCKER-NEW - [0:0]
-F DOCKER
-A DOCKER -d 172.17.0.9/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 90 -j ACCEPT
-I DOCKER-ISOLATION-STAGE-2 1 -o br-9a9b9c9d9e9f -j DROP
COMMIT
`

  test.each(['kept', 'saved and read again'])(
    'a container that starts makes no plan stale that was %s, and none of its lines is lost',
    async (how) => {
      const { bench, plan, saved } = await planned()
      await using _ = bench
      await bench.load(family, CONTAINER)
      const before = await bench.save(family)

      const again = how === 'kept' ? plan : planFromSaved(readSavedPlan(saved), await live(bench))
      expect((await bench.apply(again)).kind).toBe('applied')
      const after = await bench.save(family)
      expect(firstLost(before, after)).toBeUndefined()
      expect(after).toContain(':DOCKER-NEW - ')
      expect(changesOf(await planPolicy(bench, FIRST, [family]))).toEqual([])
    },
  )

  test('a bridge that comes into FORWARD, where the policy has its say, does make it stale', async () => {
    const { bench, plan, saved } = await planned()
    await using _ = bench
    await bench.load(
      family,
      '*filter\n-A FORWARD -i br-9a9b9c9d9e9f ! -o br-9a9b9c9d9e9f -j ACCEPT\nCOMMIT\n',
    )
    const before = await bench.save(family)

    await expect(bench.apply(plan)).rejects.toMatchObject({ code: 'stale-plan' })
    const now = await live(bench)
    expect(() => planFromSaved(readSavedPlan(saved), now)).toThrow(/no longer/)
    expect(await bench.save(family)).toBe(before)
  })

  async function live(bench: Workbench) {
    const { readLive } = await import('../../src/host/live.ts')
    const { detectBackend } = await import('../../src/host/backend.ts')
    const tools = await detectBackend(bench.scratch.executor, backend)
    return readLive(bench.scratch.executor, tools, { families: [family] })
  }
})

describe.each(KERNELS)('exclusive ownership on %s %s', (backend, family) => {
  test('takes everything in the tables that it names, names each thing that goes, and nothing else', async () => {
    await using bench = await workbench(backend)
    const dump = otherTools(family).find(([name]) => name === 'fail2ban')?.[1] ?? ''
    await bench.load(family, dump)
    await bench.load(family, `*security\n-A INPUT -s ${NETWORKS[family]} -j ACCEPT\nCOMMIT\n`)
    const text = `${FIRST}ownership: { mode: exclusive }\n`

    const plan = await planPolicy(bench, text, [family])
    expect(plan.diagnostics.map((found) => found.code).sort()).toEqual([
      'foreign-removed',
      'foreign-removed',
      'undeclared-removed',
      'undeclared-removed',
    ])
    await bench.apply(plan)
    const after = await bench.save(family)
    expect(after).not.toContain('f2b-')
    expect(after).toContain('*security')
    expect(changesOf(await planPolicy(bench, text, [family]))).toEqual([])
  })
})

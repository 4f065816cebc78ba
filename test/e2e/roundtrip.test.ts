import { describe, expect, test } from 'vitest'
import { parseSave } from '../../src/iptables/save.ts'
import { carriesCounters } from '../../src/plan/batch.ts'
import type { Counters, Dialect, Family, Rule } from '../../src/ruleset/model.ts'
import type { CliResult } from '../cli/run-cli.ts'
import { type CliNamespace, cliNamespace } from './cli-namespace.ts'
import { KERNELS, withoutCounters } from './namespace.ts'

/** Of the 200 pairs that the four kernels share: a few each time, all of them when asked. */
const PAIRS = process.env.FWCTL_FULL === '1' ? 50 : 2

describe.each(KERNELS)('on %s %s', (backend, family) => {
  const dialect: Dialect = { family, backend, version: [1, 8, 9] }

  test(
    `${PAIRS} random policies A, B, A end where they began, with the counters of common rules`,
    async () => {
      for (let seed = 1; seed <= PAIRS; seed++) {
        const random = randomNumbers(seed * 7919 + backend.length * 31 + family.length)
        await using it = await cliNamespace(backend)
        it.write('a.yaml', randomPolicy(random, family))
        it.write('b.yaml', randomPolicy(random, family))
        await apply(it, 'a.yaml')
        await it.load(family, withRandomCounters(await it.save(family), random))
        const atStart = await it.save(family)

        await apply(it, 'b.yaml')
        const between = await it.save(family)
        expectCountersKept({ before: atStart, after: between, dialect })
        await apply(it, 'a.yaml')
        const atEnd = await it.save(family)
        expectCountersKept({ before: between, after: atEnd, dialect })

        expect(withoutCounters(atEnd), `seed ${seed}`).toBe(withoutCounters(atStart))
      }
    },
    60_000 + PAIRS * 10_000,
  )

  test('10,000 rules with 10 edits: 10 changes, and no other rule loses its counters', async () => {
    await using it = await cliNamespace(backend)
    const rules = Array.from({ length: 10_000 }, (_, i) => bulkRule(i, family))
    it.write('a.yaml', bulkPolicy(rules, family))
    await it.load(family, bulkDump(rules))
    expect(await it.fwctl(['plan', 'a.yaml'])).toMatchObject({ stdout: 'No changes.\n' })

    const edited = rules.map((rule, i) => (i % 1000 === 500 ? bulkRule(i + 50_000, family) : rule))
    it.write('b.yaml', bulkPolicy(edited, family))
    const before = await it.save(family)
    const { stdout } = await apply(it, 'b.yaml')
    expect(stdout).toMatch(/^Plan: 0 to add, 10 to change, 0 to remove\.$/m)
    const kept = expectCountersKept({ before, after: await it.save(family), dialect })
    // ip6tables-nft-restore could not set any to begin with.
    expect(kept).toBe(carriesCounters(dialect) ? 9990 : 0)
  })

  test('import plans to no change, and its rendering restores the same rules elsewhere', async () => {
    await using it = await cliNamespace(backend)
    await it.load(family, livedIn(family))
    const before = await it.save(family)
    await it.fwctl(['import', '--family', family, '--out', 'imported.yaml'])
    expect(await it.fwctl(['plan', 'imported.yaml'])).toMatchObject({ stdout: 'No changes.\n' })

    const rendered = await it.fwctl([
      ...['render', 'imported.yaml', '--family', family, '--backend', backend],
    ])
    await using elsewhere = await cliNamespace(backend)
    await elsewhere.load(family, rendered.stdout)
    expect(withoutCounters(await elsewhere.save(family))).toBe(withoutCounters(before))
  })
})

async function apply(it: CliNamespace, policy: string): Promise<CliResult> {
  const applied = await it.fwctl(['apply', policy, '--auto-approve'])
  expect(applied, applied.stderr).toMatchObject({ code: 0 })
  const planned = await it.fwctl(['plan', policy])
  expect(planned.stdout).toBe('No changes.\n')
  return applied
}

/**
 * Every rule that is once in its chain before and after has what it had counted. Where restore can
 * not set counters (ip6tables-nft), a rule that moved may have lost them. Returns how many have.
 */
function expectCountersKept(state: {
  readonly before: string
  readonly after: string
  readonly dialect: Dialect
}): number {
  const [before, after] = [state.before, state.after].map((dump) =>
    countersByRule(dump, state.dialect),
  )
  let kept = 0
  for (const [key, counters] of before ?? []) {
    const now = after?.get(key)
    if (counters === undefined || now === undefined) continue
    const lost = now.packets === 0n && now.bytes === 0n
    if (lost && !carriesCounters(state.dialect)) continue
    expect(now, key).toEqual(counters)
    kept++
  }
  return kept
}

/** By chain and key; undefined for a rule that is there more than once. */
function countersByRule(dump: string, dialect: Dialect): ReadonlyMap<string, Counters | undefined> {
  const { ruleset } = parseSave(dump, { family: dialect.family, dialect })
  const found = new Map<string, Counters | undefined>()
  const add = (place: string, rule: Rule): void => {
    const key = `${place} ${rule.key}`
    found.set(key, found.has(key) ? undefined : rule.counters)
  }
  for (const { name, chains } of ruleset.tables) {
    for (const chain of chains) for (const rule of chain.rules) add(`${name} ${chain.name}`, rule)
  }
  return found
}

/** mulberry32: the same numbers for the same seed, below the given limit. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

/** Few enough that two policies share many, in another order. `NET` is a network of the family. */
const RULE_POOL: readonly string[] = [
  '{ name: loopback, in-interface: lo, jump: ACCEPT }',
  '{ name: established, ctstate: [RELATED, ESTABLISHED], jump: ACCEPT }',
  '{ name: "ssh, for \\"us\\"", source: "NET", protocol: tcp, dport: 22, jump: ACCEPT }',
  '{ protocol: tcp, dport: [80, 443, "8000:8010"], jump: ACCEPT }',
  '{ protocol: udp, sport: 53, jump: ACCEPT }',
  '{ source: "! NET", jump: DROP }',
  '{ protocol: tcp, syn: true, match: { limit: { limit: 5/second, limit-burst: 9 } }, jump: RETURN }',
  '{ match: { mark: { mark: 0x10/0xff } }, jump: { LOG: { log-prefix: "seen: ", log-level: 6 } } }',
  '{ protocol: tcp, dport: 25, jump: { REJECT: { reject-with: tcp-reset } } }',
  '"-p tcp -m tcp --dport 113 -j REJECT"',
  '{ protocol: 47, jump: ACCEPT }',
  '{ in-interface: wg+, jump: ONE }',
  '{ protocol: udp, goto: TWO }',
  '{ match: { string: { string: "a b", algo: bm } }, jump: DROP }',
  '{ match: [{ comment: { comment: odd } }, { mark: { mark: 3 } }], jump: ACCEPT }',
]

function randomPolicy(random: (below: number) => number, family: Family): string {
  const network = family === 'ipv4' ? '198.51.100.0/24' : '2001:db8:7::/48'
  const pick = (pool: readonly string[], most: number): string =>
    Array.from({ length: random(most + 1) }, () => pool[random(pool.length)] ?? '')
      .map((rule) => `          - ${rule.replace('NET', network)}\n`)
      .join('')
  const flat = RULE_POOL.filter((rule) => !/ONE|TWO/.test(rule))
  const policy = (): string => (random(2) === 0 ? 'ACCEPT' : 'DROP')
  const builtin = (name: string, pool: readonly string[]): string =>
    `      ${name}:\n        policy: ${policy()}\n        rules:\n${pick(pool, 14)}`
  return `apiVersion: fwctl/v1
families: [${family}]
tables:
  filter:
    chains:
${builtin('INPUT', RULE_POOL)}${builtin('FORWARD', RULE_POOL)}      ONE:
        rules:
${pick(flat, 6)}      TWO:
        rules:
${pick(flat, 6)}  mangle:
    chains:
      PREROUTING:
        policy: ACCEPT
        rules:
          - { protocol: tcp, jump: { MARK: { set-mark: ${random(3)} } } }
`
}

function withRandomCounters(dump: string, random: (below: number) => number): string {
  return dump.replaceAll(/^\[0:0\] -A/gm, () => {
    const packets = 1 + random(1_000_000)
    return `[${packets}:${packets * 60}] -A`
  })
}

function bulkRule(i: number, family: Family): string {
  const hex = (n: number): string => n.toString(16)
  const source =
    family === 'ipv4'
      ? `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`
      : `2001:db8::${hex((i >> 16) + 1)}:${hex((i & 0xffff) + 1)}/128`
  return `-s ${source} -p tcp -m tcp --dport ${1 + (i % 60_000)} -j ACCEPT`
}

function bulkPolicy(rules: readonly string[], family: Family): string {
  return `apiVersion: fwctl/v1
families: [${family}]
tables:
  filter:
    chains:
      INPUT:
        policy: ACCEPT
        rules:
${rules.map((rule) => `          - ${rule}\n`).join('')}`
}

function bulkDump(rules: readonly string[]): string {
  const lines = rules.map((rule, i) => `[${i + 1}:${(i + 1) * 40}] -A INPUT ${rule}\n`)
  return `*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n${lines.join('')}COMMIT\n`
}

/** With what real hosts have: several tables, chains of tools, odd comments, unusual matches. */
function livedIn(family: Family): string {
  const [net, host, reject, icmp] =
    family === 'ipv4'
      ? ['10.0.0.0/8', '192.0.2.7/32', 'icmp-port-unreachable', '-p icmp -m icmp --icmp-type 8']
      : [
          '2001:db8::/32',
          '2001:db8::7/128',
          'icmp6-port-unreachable',
          '-p ipv6-icmp -m icmp6 --icmpv6-type 128',
        ]
  return `*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
-A PREROUTING -i eth0 -j MARK --set-xmark 0x1/0xff
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s ${net} -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [12:3456]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:Mixed-Case_1 - [0:0]
:empty - [0:0]
:f2b-sshd - [0:0]
[11:660] -A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
[1:60] -A INPUT -i lo -j ACCEPT
[2:120] -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[3:180] -A INPUT -s ${net} -p tcp -m tcp --dport 22 -m comment --comment "it's \\"quoted\\" \\\\ and äöü" -j ACCEPT
-A INPUT -s ${host} -p tcp -m tcp --dport 80 -j ACCEPT
-A INPUT -s ${net} -p tcp -m tcp --dport 80 -j ACCEPT
-A INPUT ! -s ${net} -p udp -m udp ! --dport 53 -j Mixed-Case_1
-A INPUT ${icmp} -m limit --limit 5/sec -j ACCEPT
-A INPUT -m comment --comment "only counted"
-A INPUT -p tcp -g Mixed-Case_1
-A INPUT -j REJECT --reject-with ${reject}
-A Mixed-Case_1 -m recent --set --name probes --rsource
-A Mixed-Case_1 -m hashlimit --hashlimit-above 10/sec --hashlimit-burst 20 --hashlimit-mode srcip --hashlimit-name odd -j DROP
-A f2b-sshd -s ${host} -j REJECT --reject-with ${reject}
-A f2b-sshd -j RETURN
COMMIT
`
}

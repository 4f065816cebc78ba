import { describe, expect, test } from 'vitest'
import { BUILTIN_NAMES } from '../../src/extensions/builtin-names.ts'
import { EXTENSIONS } from '../../src/extensions/catalogue.ts'
import { checkRuleset } from '../../src/iptables/check.ts'
import { parseRule } from '../../src/iptables/parse-rule.ts'
import { makeRule } from '../../src/iptables/rule.ts'
import { parseSave } from '../../src/iptables/save.ts'
import { formatPolicy } from '../../src/policy/format.ts'
import { importPolicy } from '../../src/policy/import.ts'
import { BUILTIN_CHAINS } from '../../src/ruleset/hooks.ts'
import {
  type Dialect,
  FAMILIES,
  type Family,
  type Rule,
  type Ruleset,
  TABLES,
} from '../../src/ruleset/model.ts'
import { generateRule, seededRandom } from '../generate/rule.ts'
import { compileText, dialect } from './compile-text.ts'

/** `FAMILY TABLE CHAIN RULE`, and `FAMILY TABLE CHAIN = POLICY`, as `compileText` shows them. */
function linesOf(rulesets: Partial<Record<Family, Ruleset>>): string[] {
  return FAMILIES.flatMap((family) =>
    TABLES.flatMap((name) => rulesets[family]?.tables.find((t) => t.name === name) ?? []).flatMap(
      (table) =>
        table.chains.flatMap((chain) => [
          ...(chain.policy ? [`${family} ${table.name} ${chain.name} = ${chain.policy}`] : []),
          ...chain.rules.map((rule) => `${family} ${table.name} ${chain.name} ${rule.text}`),
        ]),
    ),
  )
}

function parse(text: string, family: Family): Ruleset {
  const { ruleset, diagnostics } = parseSave(text, { family, dialect: dialect(family) })
  expect(diagnostics).toEqual([])
  return ruleset
}

function filter(...rules: readonly string[]): string {
  return `*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:WEB - [0:0]\n${rules.map((r) => `-A ${r}\n`).join('')}COMMIT\n`
}

/** What is below `rules:` of the first chain. */
function importedRules(rulesets: Partial<Record<Family, Ruleset>>): string[] {
  const lines = importPolicy(rulesets).split('\n')
  const from = lines.indexOf('        rules:') + 1
  const end = lines.findIndex((line, i) => i > from && /^ {6}\S/.test(line))
  return lines.slice(from, end).map((line) => line.slice(10))
}

describe('a live rule is written as a person would write it', () => {
  test.each([
    [
      '-i lo -m comment --comment loopback -j ACCEPT',
      '- { name: loopback, in-interface: lo, jump: ACCEPT }',
    ],
    ['-p tcp -m tcp --dport 22 -j ACCEPT', '- { protocol: tcp, dport: 22, jump: ACCEPT }'],
    ['-p tcp -m tcp ! --dport 22 -j ACCEPT', '- { protocol: tcp, dport: "! 22", jump: ACCEPT }'],
    [
      '-p tcp -m multiport --dports 80,443 -j WEB',
      '- { protocol: tcp, dport: [80, 443], jump: WEB }',
    ],
    [
      '-p tcp -m multiport --dports 80 -j WEB',
      '- { protocol: tcp, match: { multiport: { dports: 80 } }, jump: WEB }',
    ],
    [
      '-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j WEB',
      '- { protocol: tcp, syn: true, jump: WEB }',
    ],
    ['-p tcp -m tcp -j WEB', '- { protocol: tcp, match: { tcp: {} }, jump: WEB }'],
    ['-j REJECT --reject-with icmp-port-unreachable', '- { jump: REJECT }'],
    [
      '-j REJECT --reject-with icmp-admin-prohibited',
      '- { jump: { REJECT: { reject-with: icmp-admin-prohibited } } }',
    ],
    [
      '-m limit --limit 10/min -j ACCEPT',
      '- { match: { limit: { limit: 10/min } }, jump: ACCEPT }',
    ],
    ['-g WEB', '- { goto: WEB }'],
    [
      '-m string --string "a\\"b" --algo bm',
      '- { match: { string: { string: "a\\"b", algo: bm } } }',
    ],
    ['-m comment --comment "caf\udce9"', '- { name: "caf\\udce9" }'],
    ['! -s 10.0.0.1/32 -f', '- { source: "! 10.0.0.1", fragment: true }'],
    [
      '-m comment --comment "it\\\'s: \\"x\\"" -j ACCEPT',
      `- { name: "it's: \\"x\\"", jump: ACCEPT }`,
    ],
    [
      '-m comment --comment a -m comment --comment b',
      '- { name: a, match: { comment: { comment: b } } }',
    ],
    [
      '-m mark --mark 0x1 -m comment --comment a -m mark --mark 0x2',
      '- match: [{ mark: { mark: 0x1 } }, { comment: { comment: a } }, { mark: { mark: 0x2 } }]',
    ],
    ['-m unheard --of 1 -j ACCEPT', '- "-m unheard --of 1 -j ACCEPT"'],
    ['-j LOG --log-prefix "! x: "', '- { jump: { LOG: { log-prefix: "! x: " } } }'],
    ['-m comment --comment 0x10 -j ACCEPT', '- { name: "0x10", jump: ACCEPT }'],
    ['-m comment --comment true', '- { name: "true" }'],
  ])('%s', (live, written) => {
    const ipv4 = parse(filter(`INPUT ${live}`), 'ipv4')
    expect(importedRules({ ipv4 })).toEqual([written])
    expect(compileText(importPolicy({ ipv4 })).lines).toEqual(linesOf({ ipv4 }))
  })

  test('runs that only differ in an address, an interface or a protocol become lists', () => {
    const run = ['10.0.0.1', '10.0.0.2'].flatMap((s) =>
      ['10.1.0.0/16', '10.2.0.0/16'].map((d) => `INPUT -s ${s}/32 -d ${d} -j ACCEPT`),
    )
    const ipv4 = parse(
      filter(...run, 'INPUT -p udp -m udp --dport 53', 'INPUT -p tcp -m tcp --dport 53'),
      'ipv4',
    )
    expect(importedRules({ ipv4 })).toEqual([
      '- { source: [10.0.0.1, 10.0.0.2], destination: [10.1.0.0/16, 10.2.0.0/16], jump: ACCEPT }',
      '- { protocol: [udp, tcp], dport: 53 }',
    ])
    expect(compileText(importPolicy({ ipv4 })).lines).toEqual(linesOf({ ipv4 }))
  })

  test('a list that stands in several rules becomes a group', () => {
    const rules = ['INPUT', 'WEB'].flatMap((c) => [
      `${c} -s 10.0.0.1/32 -j ACCEPT`,
      `${c} -s 10.0.0.2/32 -j ACCEPT`,
    ])
    const ipv4 = parse(filter(...rules), 'ipv4')
    const text = importPolicy({ ipv4 })
    expect(text).toContain('    addresses-1: [10.0.0.1, 10.0.0.2]\n')
    expect(importedRules({ ipv4 })).toEqual(['- { source: addresses-1, jump: ACCEPT }'])
    expect(compileText(text).lines).toEqual(linesOf({ ipv4 }))
  })
})

describe('both families in one policy', () => {
  test('an equal rule is written once, any other says its family', () => {
    const ipv4 = parse(
      filter(
        'INPUT -i lo -j ACCEPT',
        'INPUT -s 10.0.0.1/32 -j WEB',
        'INPUT -p udp -j DROP',
        'INPUT -j REJECT --reject-with icmp-port-unreachable',
      ),
      'ipv4',
    )
    const ipv6 = parse(
      filter(
        'INPUT -i lo -j ACCEPT',
        'INPUT -s ::1/128 -j WEB',
        'INPUT -m unheard --of',
        'INPUT -j REJECT --reject-with icmp6-port-unreachable',
      ),
      'ipv6',
    )
    expect(importedRules({ ipv4, ipv6 })).toEqual([
      '- { in-interface: lo, jump: ACCEPT }',
      '- { source: [10.0.0.1, "::1"], jump: WEB }',
      '- { family: ipv4, protocol: udp, jump: DROP }',
      '- "-6 -m unheard --of"',
      '- { jump: REJECT }',
    ])
    expect(compileText(importPolicy({ ipv4, ipv6 })).lines).toEqual(linesOf({ ipv4, ipv6 }))
  })

  test('chains, tables and default policies that only one family has stay its own', () => {
    const ipv4 = parse(
      `${filter()}*nat\n:PREROUTING ACCEPT [0:0]\n:ONLY4 - [0:0]\n-A ONLY4 -j RETURN\nCOMMIT\n`,
      'ipv4',
    )
    const ipv6 = parse(
      filter().replace(':INPUT DROP', ':INPUT ACCEPT').replace(':WEB', ':ONLY6'),
      'ipv6',
    )
    const text = importPolicy({ ipv4, ipv6 })
    expect(text).toContain('policy: { ipv4: DROP, ipv6: ACCEPT }')
    expect(compileText(text).lines).toEqual(linesOf({ ipv4, ipv6 }))
  })

  test('the same protocol in both families, although it belongs to one', () => {
    const ipv4 = parse(filter('INPUT -p icmp -j ACCEPT', 'INPUT -p ipv6-icmp -j ACCEPT'), 'ipv4')
    const ipv6 = parse(filter('INPUT -p icmp -j ACCEPT', 'INPUT -p ipv6-icmp -j ACCEPT'), 'ipv6')
    expect(compileText(importPolicy({ ipv4, ipv6 })).lines).toEqual(linesOf({ ipv4, ipv6 }))
  })
})

test('nothing at all is a policy, too', () => {
  const { found } = compileText(importPolicy({ ipv4: { family: 'ipv4', tables: [] } }))
  expect(found).toEqual([])
})

/** Rulesets of random rules that a policy can hold: without what iptables takes for something else. */
function randomRuleset(seed: number, given: Dialect, only?: string): Ruleset {
  const random = seededRandom(seed)
  const { family } = given
  const rules = new Map<string, Rule[]>()
  for (let i = 0; i < 8; i++) {
    const { table, chain, words } = generateRule({
      random,
      dialect: given,
      names: BUILTIN_NAMES,
      ...(only !== undefined && { only }),
    })
    const { specs, problems, cautions } = parseRule(words, { dialect: given, names: BUILTIN_NAMES })
    if (problems.length > 0 || cautions.length > 0) continue
    const key = `${table} ${chain}`
    const made = specs.map((spec) => makeRule(spec, { dialect: given, names: BUILTIN_NAMES }))
    rules.set(key, [...(rules.get(key) ?? []), ...made])
  }
  const tables = TABLES.map((name) => ({
    name,
    chains: BUILTIN_CHAINS[name].map((chain) => ({
      name: chain,
      policy: 'ACCEPT' as const,
      rules: rules.get(`${name} ${chain}`) ?? [],
    })),
  }))
  return withoutProblems({ family, tables })
}

function withoutProblems(ruleset: Ruleset): Ruleset {
  const bad = new Set(checkRuleset(ruleset).map((p) => `${p.table} ${p.chain} ${p.rule}`))
  return {
    ...ruleset,
    tables: ruleset.tables.map((table) => ({
      ...table,
      chains: table.chains.map((chain) => ({
        ...chain,
        rules: chain.rules.filter((_, i) => !bad.has(`${table.name} ${chain.name} ${i}`)),
      })),
    })),
  }
}

describe('any rule of the catalogue comes back as itself', () => {
  const names = [...new Set(EXTENSIONS.filter((e) => e.needsHost === undefined).map((e) => e.name))]
  test.each(names)('%s', (only) => {
    for (let seed = 1; seed <= 3; seed++) {
      const families = FAMILIES.filter((f) =>
        EXTENSIONS.some((e) => e.name === only && (e.families?.includes(f) ?? true)),
      )
      const rulesets = Object.fromEntries(
        families.map((family) => [family, randomRuleset(seed, dialect(family), only)]),
      )
      const text = importPolicy(rulesets)
      const { lines, diagnostics } = compileText(text)
      expect(
        diagnostics.filter((d) => d.severity === 'error'),
        `seed ${seed}\n${text}`,
      ).toEqual([])
      expect(lines, `seed ${seed}\n${text}`).toEqual(linesOf(rulesets))
      expect(formatPolicy(text).text).toBe(text)
    }
  })
})

test('comments that look like variables, YAML or a negation come back as they were', () => {
  const comments = ['${x}', '$${y} ${', '!', '! x', 'yes: no', 'a: b # c', "'"]
  const rules = comments.map((c) => `INPUT -m comment --comment "${c.replace("'", "\\'")}" -j DROP`)
  const ruleset = parse(filter(...rules), 'ipv4')
  const { lines, found } = compileText(importPolicy({ ipv4: ruleset }))
  expect(found).toEqual([])
  expect(lines).toEqual(linesOf({ ipv4: ruleset }))
})

import { describe, expect, test } from 'vitest'
import { compileText, withRules } from './compile-text.ts'

/** A line of the rules in `withRules` begins in line 2, column 1. */
type Row = readonly [rule: string, ...found: string[]]

const RULES: readonly Row[] = [
  // keys and types
  ['{ sorce: 10.0.0.1, jump: ACCEPT }', '2:3 unknown-key'],
  ['{ protocol: tcp, dprot: 22 }', '2:18 unknown-key'],
  ['{ jump: [ACCEPT] }', '2:9 wrong-type'],
  ['{ dport: { a: 1 }, protocol: tcp }', '2:10 wrong-type'],
  ['{ protocol: tcp, dport: 70000 }', '2:25 invalid-value'],
  ['{ name: 22, jump: ACCEPT }', '2:9 wrong-type'],
  ['{ source: "", jump: ACCEPT }', '2:11 invalid-value'],
  ['{ source: [], jump: ACCEPT }', '2:11 invalid-value'],
  ['{ source: , jump: ACCEPT }', '2:11 wrong-type'],
  ['{ family: ipv5, jump: ACCEPT }', '2:11 invalid-value'],
  ['{ expires: tomorrow, jump: ACCEPT }', '2:12 invalid-value'],
  ['{ jump: ACCEPT, jump: DROP }', '2:17 yaml-duplicate-key'],
  ['{ enabled: 3, jump: ACCEPT }', '2:12 wrong-type'],
  ['{}', '2:1 invalid-value'],
  ['""', '2:1 invalid-value'],
  ['[]', '2:1 wrong-type'],
  ['42', '2:1 wrong-type'],
  // references
  ['{ jump: NOWHERE }', '2:9 dangling-jump'],
  ['{ goto: NOWHERE }', '2:9 dangling-jump'],
  ['"-j NOWHERE"', '2:5 dangling-jump'],
  ['{ jump: INPUT }', '2:9 jump-to-builtin'],
  ['{ jump: OTHER, goto: OTHER }', '2:16 conflicting-options'],
  ['{ goto: ACCEPT }', '2:9 dangling-jump'],
  ['{ source: offce, jump: ACCEPT }', '2:11 unknown-group'],
  ['{ protocol: tcp, dport: wbe }', '2:25 unknown-group'],
  ['{ jump: { RJECT: {} } }', '2:11 unknown-extension'],
  ['-m lmit --limit 1/s -j ACCEPT', '2:1 unknown-extension'],
  ['-j RJECT --reject-with tcp-reset', '2:1 unknown-extension'],
  ['"-j ACCEPT; rm -rf /"', '2:1 unknown-extension'],
  ['{ match: { lmit: { limit: 1/s } } }', '2:12 unknown-extension'],
  ['{ match: { limit: { limt: 1/s } } }', '2:21 unknown-option'],
  ['{ match: { limit: { limit: { a: b } } } }', '2:28 wrong-type'],
  ['{ match: { limit: { limit: } } }', '2:28 wrong-type'],
  ['{ match: [ 3 ] }', '2:12 wrong-type'],
  ['{ jump: { LOG: { log-prefix: "x", log-uid: false } } }', '2:44 wrong-type'],
  ['{ jump: { LOG: { log-uid: "!" } } }', '2:27 not-negatable'],
  ['{ protocol: tcp, tcp-flags: SYN }', '2:29 invalid-value'],
  // addresses
  ['{ source: www.example.org }', '2:11 host-name'],
  ['{ source: localhost }', '2:11 host-name'],
  ['"-s www.example.org -j ACCEPT"', '2:5 host-name'],
  ['{ source: 010.0.0.1 }', '2:11 octal-address'],
  ['"-s 010.0.0.1 -j ACCEPT"', '2:5 octal-address'],
  ['{ source: 10.0.0.256 }', '2:11 invalid-value'],
  ['{ source: 10.0.0.0/33 }', '2:11 invalid-value'],
  ['{ source: 2001:db8::1, family: ipv4 }', '2:11 family-mismatch'],
  ['{ source: [10.0.0.1, "2001:db8::1"], family: ipv4 }', '2:22 family-mismatch'],
  ['"-4 -s 2001:db8::1 -j ACCEPT"', '2:8 family-mismatch'],
  ['{ source: 10.0.0.1, destination: "::1" }', '2:34 family-mismatch'],
  ['{ source: 10.0.0.1, protocol: icmpv6 }', '2:31 family-mismatch'],
  ['{ source: "! 10.0.0.1, 10.0.0.2" }', '2:11 list-not-negatable'],
  ['{ source: [10.0.0.1, "! 10.0.0.2"] }', '2:22 list-not-negatable'],
  ['{ in-interface: "! a,b" }', '2:17 list-not-negatable'],
  ['{ source: ! 10.0.0.0/8 }', '2:11 yaml-syntax'],
  ['{ protocol: tcp, dport: 010 }', '2:25 invalid-value'],
  ['{ protocol: tcp, dport: 80-90 }', '2:25 invalid-value'],
  // what iptables would store as another rule
  ['{ source: "fe80::1%eth0" }', '2:11 changes-meaning'],
  ['-s fe80::1%eth0 -j ACCEPT', '2:4 changes-meaning'],
  ['{ source: "! 0.0.0.0/0" }', '2:11 dropped-from-family', '2:11 never-matches'],
  ['{ in-interface: "! +" }', '2:17 never-matches'],
  ['{ protocol: tcp, dport: "! 0:65535" }', '2:18 never-matches'],
  ['{ protocol: "! all" }', '2:13 never-matches'],
  [`{ name: ${'x'.repeat(256)} }`, '2:9 text-too-long'],
  [`{ name: ${'ä'.repeat(128)} }`, '2:9 text-too-long'],
  [`{ jump: { LOG: { log-prefix: ${'x'.repeat(30)} } } }`, '2:30 text-too-long'],
  // control characters and syntax
  ['{ name: "a\\nb" }', '2:9 control-character'],
  ['{ name: "a\\tb" }', '2:9 control-character'],
  ['{ name: "a\\0b" }', '2:9 control-character'],
  ['{ name: "a\\u202eb" }', '2:9 control-character'],
  ['"-j ACCEPT\\n-A INPUT -j DROP"', '2:1 control-character'],
  ['{ in-interface: "eth0\\n" }', '2:17 control-character'],
  ['{ in-interface: "a b" }', '2:17 invalid-value'],
  ['{ in-interface: abcdefghijklmnop }', '2:17 invalid-value'],
  ["'-m comment --comment \"open -j ACCEPT'", '2:1 rule-syntax'],
  [`"-m comment --comment 'two words' -j ACCEPT"`, '2:23 rule-syntax'],
  ['-A INPUT -j ACCEPT', '2:1 rule-syntax'],
  ['-j', '2:1 rule-syntax'],
  ['-j ACCEPT -t nat', '2:4 unknown-option'],
  ['-p tcp --dprot 22', '2:8 unknown-option'],
  ['-s ! 10.0.0.1', '2:4 rule-syntax'],
  ['-j ACCEPT # no comment', '2:1 nothing'],
  // protocols, hooks and tables
  ['{ dport: 22, jump: ACCEPT }', '2:3 needs-protocol'],
  ['{ protocol: gre, dport: [1, 2] }', '2:18 needs-protocol'],
  ['{ protocol: "! tcp", dport: 22 }', '2:22 needs-protocol'],
  ['{ protocol: nonsense }', '2:13 invalid-value'],
  ['{ protocol: udp, jump: { REJECT: { reject-with: tcp-reset } } }', '2:26 needs-protocol'],
  ['{ out-interface: eth0, jump: ACCEPT }', '2:1 wrong-hook'],
  ['{ jump: { REJECT: { reject-with: icmp-port-unreachable } } }', '2:34 invalid-value'],
]

describe('a rule that can not be meant is refused where it stands', () => {
  test.each(RULES.filter(([, found]) => !found?.endsWith('nothing')))('%s', (rule, ...expected) => {
    const { found, lines } = compileText(withRules(rule))
    expect(found).toEqual(expected)
    expect(lines).toEqual([])
  })
})

const HEAD = 'apiVersion: fwctl/v1\n'

describe('a policy that can not be meant is refused where it stands', () => {
  test.each<[what: string, text: string, ...found: string[]]>([
    ['no version', 'tables: {}\n', '1:1 missing-key'],
    ['another version', 'apiVersion: fwctl/v2\n', '1:13 invalid-value'],
    ['a list', '- a\n', '1:1 wrong-type'],
    ['a text', 'hello\n', '1:1 wrong-type'],
    ['nothing', '', '1:1 yaml-syntax'],
    ['an unknown table', `${HEAD}tables:\n  fliter: {}\n`, '3:3 unknown-key'],
    ['an unknown family', `${HEAD}families: [ipv4, ipv5]\n`, '2:18 invalid-value'],
    ['no family', `${HEAD}families: []\n`, '2:11 invalid-value'],
    [
      'a long chain name',
      `${HEAD}tables: { filter: { chains: {\n  ${'A'.repeat(29)}: {} } } }\n`,
      '3:3 chain-name',
    ],
    [
      'a chain with a blank',
      `${HEAD}tables: { filter: { chains: { A B: {} } } }\n`,
      '2:31 chain-name',
    ],
    [
      'a chain like an option',
      `${HEAD}tables: { filter: { chains: { -A: {} } } }\n`,
      '2:31 chain-name',
    ],
    [
      'a chain like a target',
      `${HEAD}tables: { filter: { chains: { LOG: {} } } }\n`,
      '2:31 chain-name',
    ],
    [
      'a chain like a verdict',
      `${HEAD}tables: { filter: { chains: { DROP: {} } } }\n`,
      '2:31 chain-name',
    ],
    [
      'a built-in chain of another table',
      `${HEAD}tables: { filter: { chains: { PREROUTING: {} } } }\n`,
      '2:31 chain-name',
    ],
    [
      'a newline in a chain name',
      `${HEAD}tables: { filter: { chains: { "A\\nB": {} } } }\n`,
      '2:31 control-character',
      '2:31 chain-name',
    ],
    [
      'a default policy for a user chain',
      `${HEAD}tables: { filter: { chains: { A: { policy: DROP } } } }\n`,
      '2:44 policy-not-allowed',
    ],
    [
      'REJECT as a default policy',
      `${HEAD}tables: { filter: { chains: { INPUT: { policy: REJECT } } } }\n`,
      '2:48 invalid-value',
    ],
    [
      'the same chain twice',
      `${HEAD}tables: { filter: { chains: { A: {}, A: {} } } }\n`,
      '2:38 yaml-duplicate-key',
    ],
    [
      'a loop',
      `${HEAD}tables: { filter: { chains: {\n A: { rules: [ { jump: B } ] },\n B: { rules: [ { jump: A } ] } } } }\n`,
      '4:24 jump-loop',
    ],
    [
      'a chain that jumps to itself',
      `${HEAD}tables: { filter: { chains: {\n A: { rules: [ { jump: A } ] } } } }\n`,
      '3:24 jump-loop',
    ],
    [
      'MASQUERADE in filter',
      `${HEAD}tables: { filter: { chains: {\n INPUT: { rules: [ { jump: MASQUERADE } ] } } } }\n`,
      '3:28 wrong-table',
    ],
    [
      'REJECT in nat',
      `${HEAD}tables: { nat: { chains: {\n PREROUTING: { rules: [ { jump: REJECT } ] } } } }\n`,
      '3:33 wrong-table',
    ],
    [
      'DROP in nat',
      `${HEAD}tables: { nat: { chains: {\n PREROUTING: { rules: [ { jump: DROP } ] } } } }\n`,
      '3:33 wrong-table',
    ],
    ['an empty group', `${HEAD}define: { addresses: { a: [] } }\n`, '2:24 empty-group'],
    [
      'a group of nothing but empty ones',
      `${HEAD}define: { ports: { a: [b], b: [] } }\n`,
      '2:28 empty-group',
    ],
    [
      'members of groups that no rule uses',
      `${HEAD}define:\n  addresses: { a: [300.1.1.1, x.org] }\n  ports: { p: [99999, 80-90] }\n  interfaces: { i: [abcdefghijklmnop, a b] }\n`,
      '3:20 invalid-value',
      '3:31 host-name',
      '4:16 invalid-value',
      '4:23 invalid-value',
      '5:21 invalid-value',
      '5:39 invalid-value',
    ],
    [
      'a variable that is not closed',
      `${HEAD}metadata: { name: "\${name" }\nvariables: { name: x }\n`,
      '2:19 unknown-variable',
    ],
    [
      'an unknown group in a group',
      `${HEAD}define: { addresses: { a: [nobody] } }\n`,
      '2:28 unknown-group',
    ],
    [
      'groups that contain each other',
      `${HEAD}define: { addresses: { a: [b], b: [a] } }\n`,
      '2:36 group-cycle',
    ],
    [
      'a group with a name like a number',
      `${HEAD}define: { addresses: { 10: [10.0.0.1] } }\n`,
      '2:24 invalid-value',
    ],
    [
      'an unknown variable',
      `${HEAD}metadata: { name: "\${nmae}" }\nvariables: { name: x }\n`,
      '2:19 unknown-variable',
    ],
    [
      'a variable without a value',
      `${HEAD}metadata: { name: "\${name}" }\nvariables: { name: }\n`,
      '2:19 missing-value',
    ],
    [
      'a variable that contains itself',
      `${HEAD}metadata: { name: "\${a}" }\nvariables: { a: "\${b}", b: "\${a}" }\n`,
      '3:28 unknown-variable',
    ],
    [
      'a list in the middle of a text',
      `${HEAD}metadata: { name: "x\${a}" }\nvariables: { a: [1, 2] }\n`,
      '2:19 invalid-value',
    ],
    [
      'an include that leaves the folder',
      `${HEAD}include: [../other.yaml]\n`,
      '2:11 include-outside-root',
    ],
    ['an absolute include', `${HEAD}include: [/etc/passwd]\n`, '2:11 include-not-found'],
    ['an include that is not there', `${HEAD}include: [a.yaml]\n`, '2:11 include-not-found'],
    ['an include of itself', `${HEAD}include: [policy.yaml]\n`, '2:11 include-cycle'],
  ])('%s', (_, text, ...expected) => {
    const { found, lines } = compileText(text)
    expect(found).toEqual(expected)
    expect(lines).toEqual([])
  })

  test('a group that has no member in the only family of the policy', () => {
    const text = `${HEAD}families: [ipv4]\ndefine: { addresses: { six: ["::1"] } }\ntables: { filter: { chains: { INPUT: { rules: [\n { source: six } ] } } } }\n`
    expect(compileText(text).found).toEqual(['5:12 empty-group'])
  })

  test('everything is reported at once', () => {
    const text = withRules('{ sorce: a }', '{ source: nobody }', '{ jump: NOWHERE }', '-s x.y')
    expect(compileText(text).found).toEqual([
      '2:3 unknown-key',
      '3:11 unknown-group',
      '5:4 host-name',
      '4:9 dangling-jump',
    ])
  })
})

describe('the words', () => {
  test.each([
    ['5', 'a rule must be a mapping or a text, it is a number'],
    ['{}', 'a rule must not be empty'],
    ['{ enabled: "no", jump: ACCEPT }', 'enabled must be true or false'],
    ['{ name: "${x", jump: ACCEPT }', '${ has no } after it'],
  ])('%s', (rule, message) => {
    expect(compileText(withRules(rule)).diagnostics[0]?.message).toBe(message)
  })

  test('the version that is missing is named', () => {
    expect(compileText('tables: {}\n').diagnostics[0]?.hint).toBe('add "apiVersion: fwctl/v1"')
  })
})

test('an extension of others is passed on, even when it looks like one of iptables', () => {
  const { found, lines } = compileText(withRules('-m length2 --length 5 -j ACCEPT'))
  expect(found).toEqual(['2:1 unknown-extension'])
  expect(lines).toContain('ipv4 filter INPUT -m length2 --length 5 -j ACCEPT')
})

describe('the hints', () => {
  test.each([
    ['{ sorce: 10.0.0.1 }', 'did you mean "source"?'],
    ['{ jump: OTHR }', 'did you mean "OTHER"?'],
    ['{ match: { lmit: {} } }', 'did you mean "limit"?'],
    ['{ match: { limit: { limt: 1/s } } }', 'did you mean "limit"?'],
    ['{ protocol: tcp, dport: 80-90 }', 'write 80:90'],
    ['{ source: ! 10.0.0.1 }', 'a negated value needs quotes: "! 10.0.0.0/8"'],
    ['{ jump: { LOG: { log-level: nonsense } } }', 'one of: '],
    ['{ source: 10.0.0.1, source: 10.0.0.2 }', undefined],
    ['{ source: 10.1, jump: ACCEPT }', 'if a text is meant, put it in quotes: "10.1"'],
    ['{ source: , jump: ACCEPT }', undefined],
    ['{ match: { limit: x }, jump: ACCEPT }', undefined],
  ])('%s', (rule, hint) => {
    const [diagnostic] = compileText(withRules(rule)).diagnostics
    if (hint === undefined) expect(diagnostic?.hint).toBeUndefined()
    else expect(diagnostic?.hint).toContain(hint)
  })

  test('a value for one family only says which family: to add', () => {
    const rule = '{ jump: { REJECT: { reject-with: icmp-port-unreachable } } }'
    const [diagnostic] = compileText(withRules(rule)).diagnostics
    expect(diagnostic?.hint).toContain('add "family: ipv4"')
    const [text] = compileText(
      withRules('-j REJECT --reject-with icmp-port-unreachable'),
    ).diagnostics
    expect(text?.hint).toContain('begin the rule with -4')
  })
})

/** Policies in which many rules differ in little, or nearly have a form in common. */
import fc from 'fast-check'
import type { Family } from '../../src/ruleset/model.ts'

type Plain = string | number | boolean | readonly Plain[] | { readonly [key: string]: Plain }
type PlainRule = Readonly<Record<string, Plain>>

/** What may stand under a key: lists of what one form has in common, or nearly so. */
export type Choices = Readonly<Record<string, readonly (readonly Plain[])[]>>

/** In these nothing is wrong, where there is a protocol. */
export const GOOD: Choices = {
  source: [
    ['10.0.0.0/8', '10.1.0.0/16', '192.0.2.0/24', '192.0.2.7/32', '10.0.0.1/8', '10.0.0.0/20'],
    ['192.0.2.1', '192.0.2.2', '255.255.255.255', '0.0.0.0'],
    ['! 10.0.0.0/8', '! 192.0.2.7/32', '!10.0.0.0/8'],
    ['! 192.0.2.1', '! 192.0.2.2'],
    ['office', ['10.0.0.0/8', 'office'], ['192.0.2.1', '192.0.2.2'], '192.0.2.1,192.0.2.2'],
  ],
  destination: [
    ['10.0.0.0/8', '10.1.0.0/16', '192.0.2.0/24', '10.0.0.0/20'],
    ['192.0.2.1', '192.0.2.2', 'office'],
    ['! 10.0.0.0/8', '! 192.0.2.7/32'],
  ],
  'in-interface': [['eth0', 'eth+', 'lan', '! lo']],
  protocol: [
    ['tcp', 'udp'],
    ['tcp', 6],
    [['tcp', 'udp'], 'udp'],
  ],
  dport: [
    [1, 22, 80, 443, 65535, 0],
    ['22', '65534', '65535', 'ssh', 'web', '! 22'],
    ['1:2', '1000:2000', '0:10', '10:65535', '7:7', ':5', '65534:65535'],
    [
      [80, 443],
      ['22', 80, '443'],
      ['1', '2'],
      [22, 80, 443],
      [443, 22],
      [80, 80],
      [80, '81:90'],
      [0, 1],
    ],
  ],
  sport: [
    [1, 22, 80, 443],
    [
      [80, 443],
      [22, 80, 443],
    ],
  ],
  'source-port': [[[5, 6], [7, 8], 9]],
  ctstate: [['NEW', 'ESTABLISHED', ['NEW', 'ESTABLISHED'], '! INVALID']],
  match: [
    [{ limit: { limit: '10/minute' } }, { limit: { limit: '9/hour', 'limit-burst': 3 } }],
    [{ comment: { comment: 'x' } }, { addrtype: { 'dst-type': 'LOCAL' } }],
  ],
  name: [
    ['one', 'two', 'thr-ee_3', '-x', '1'],
    ['a b', '!', '# c', '-s 10.0.0.0/8', '--dport 22', '--comment x', 'ü', 'x'.repeat(90), ' '],
    ['say "x"', "it's", 'back\\slash', 'a b'],
  ],
  owner: [['net', 'web team']],
  ticket: [
    ['A-1', 'A-2'],
    [1, 2],
  ],
  description: [['why', 'and why']],
  family: [['ipv4']],
  enabled: [[true, false]],
  expires: [['2027-11-20'], ['2026-11-20', '2026-11-24T10:00:00Z', '2027-11-20']],
  jump: [
    ['web', 'other', 'third'],
    ['ACCEPT', 'DROP', 'REJECT'],
    [{ LOG: { 'log-prefix': 'a ' } }, { LOG: { 'log-prefix': 'b' } }],
  ],
}

/** The same in the other family. */
const GOOD6: Choices = {
  ...GOOD,
  source: [
    ['2001:db8::/32', '2001:db8:1::/48', '2001:db8::1/128', '2001:DB8::/32', '2001:db8::1/64'],
    ['2001:db8::1', '2001:db8:0::2', '::1', '2001:db8::3', '::'],
    ['! 2001:db8::/32', '! 2001:db8:1::/48', '! 2001:db8::/64'],
    ['! 2001:db8::1', '! 2001:db8::2', '! ::1'],
  ],
  destination: [
    ['2001:db8::/32', '2001:db8:1::/48', '2001:db8::1', 'office'],
    ['fe80::/10', 'fe80::1', '::ffff:10.0.0.1', '::/0'],
  ],
  family: [['ipv6']],
}

/** With these, something mostly is. */
export const ANY: Choices = {
  ...GOOD,
  source: [
    ...(GOOD.source ?? []),
    ['0.0.0.0/0', '! 0.0.0.0/0', '010.0.0.1', '10.0.0.1'],
    ['nobody', '2001:db8::/32', '! office', '10.0.0.1'],
    ['2001:db8::/32', '2001:db8:1::/48', '::/0', '! ::/0'],
  ],
  'out-interface': [['eth1', ['eth1', 'eth2']]],
  protocol: [['tcp', 'icmp', 'icmpv6', '! tcp']],
  dport: [...(GOOD.dport ?? []), ['022', '0x50', '0:65535', '20:10', '22']],
  ctstate: [['NEW', 'NOTHING']],
  match: [
    [{ owner: { 'uid-owner': 0 } }, { nothing: {} }, { tcp: { dport: 80 } }],
    [{ set: { 'match-set': 'v6 src' } }, { set: { 'match-set': 'absent src' } }],
  ],
  family: [['ipv4', 'ipv6']],
  jump: [
    ...(GOOD.jump ?? []),
    ['web', 'nowhere', 'a-very-long-name-of-a-chain-that-none-can-have', 'INPUT', 'accept'],
    [
      { DNAT: { 'to-destination': '10.0.0.1:80' } },
      { DNAT: { 'to-destination': '10.0.0.2:8080' } },
      { DNAT: { 'to-destination': '10.0.0.3' } },
    ],
  ],
  goto: [['web', 'other', 'ACCEPT']],
}

/** In these nothing is wrong when they are written as texts. */
export const TEXTS: Choices = {
  source: (GOOD.source ?? []).slice(0, 4),
  destination: [
    ['10.0.0.0/8', '10.1.0.0/16', '10.0.0.1/20', '192.0.2.1,192.0.2.2'],
    ['! 10.0.0.0/8', '! 192.0.2.7/32', '192.0.2.9'],
  ],
  'in-interface': [['eth0', 'eth+', '! lo']],
  protocol: [['tcp', 'udp'], ['tcp', 6], ['tcp']],
  dport: [
    [1, 22, 80, 443, 65535, 0],
    ['22', '65534', '65535', 'ssh', '! 22'],
    ['1:2', '1000:2000', '0:10', '10:65535', '7:7', ':5', '65534:65535'],
    [
      [80, 443],
      [22, 80, 443],
      [80, 80],
      [80, '81:90'],
      [0, 1],
    ],
  ],
  sport: [[[80, 443], '80', [22, 80, 443]]],
  ctstate: GOOD.ctstate ?? [],
  name: GOOD.name ?? [],
  ticket: GOOD.ticket ?? [],
  owner: [['net', 'web']],
  jump: GOOD.jump ?? [],
}

const NAT: Choices = {
  source: GOOD.source ?? [],
  protocol: [['tcp', 'udp']],
  dport: GOOD.dport ?? [],
  jump: ANY.jump?.slice(-1) ?? [],
  name: GOOD.name ?? [],
}

/** Rules of a few forms. */
function arbitraryRules(choices: Choices): fc.Arbitrary<readonly PlainRule[]> {
  const usual = ['source', 'destination', 'dport', 'name'].filter((key) => key in choices)
  const form = fc
    .tuple(fc.subarray(usual), fc.subarray(Object.keys(choices), { maxLength: 2 }), fc.nat(20))
    .map(([some, more, choice]) =>
      [...new Set(['protocol', ...some, ...more.filter((key) => key !== 'goto'), 'jump'])].map(
        (key, i) => {
          const values = choices[key] ?? []
          return [key, values[(choice + i) % values.length] ?? []] as const
        },
      ),
    )
  const picks = fc.array(fc.array(fc.nat(11), { minLength: 8, maxLength: 8 }), {
    minLength: 2,
    maxLength: 12,
  })
  const rules = fc
    .tuple(form, picks)
    .map(([entries, rows]) =>
      rows.map((row) =>
        Object.fromEntries(
          entries.map(([key, values], i) => [key, values[(row[i] ?? i) % values.length] ?? '']),
        ),
      ),
    )
  return fc.array(rules, { maxLength: 4 }).map((lists) => lists.flat())
}

export interface PlainPolicy {
  readonly families: readonly Family[]
  readonly chains: Readonly<Record<string, readonly PlainRule[]>>
  readonly nat: readonly PlainRule[]
}

export function arbitraryPlainPolicy(choices: Choices): fc.Arbitrary<PlainPolicy> {
  const rules =
    choices === GOOD
      ? fc.oneof(arbitraryRules(GOOD), arbitraryRules(GOOD6))
      : arbitraryRules(choices)
  const last = rules.map((all) =>
    all.filter((rule) => !['web', 'other', 'third'].includes(String(rule.jump))),
  )
  return fc.record({
    families: fc.constantFrom<readonly Family[]>(['ipv4', 'ipv6'], ['ipv4']),
    chains: fc.record({ INPUT: rules, FORWARD: rules, web: last, other: last, third: last }),
    nat: arbitraryRules(NAT),
  })
}

type Tables = Readonly<
  Record<string, { family?: Family; chains: Record<string, { rules: readonly PlainRule[] }> }>
>

function tablesOf({ chains, nat }: PlainPolicy): Tables {
  return {
    filter: {
      chains: Object.fromEntries(Object.entries(chains).map(([name, rules]) => [name, { rules }])),
    },
    nat: { family: 'ipv4', chains: { PREROUTING: { rules: nat } } },
  }
}

function headOf({ families }: PlainPolicy): Readonly<Record<string, Plain>> {
  return {
    apiVersion: 'fwctl/v1',
    metadata: { name: 'FOLDED' },
    families,
    define: {
      addresses: { office: ['198.51.100.0/24', '203.0.113.0/24', '2001:db8:10::/48'] },
      ports: { web: [80, 443] },
      interfaces: { lan: ['eth0', 'eth1'] },
    },
    sets: { v6: { type: 'hash:ip', family: 'inet6' } },
  }
}

export function policyJson(policy: PlainPolicy, space?: number): string {
  return JSON.stringify({ ...headOf(policy), tables: tablesOf(policy) }, null, space)
}

/** Every other rule in one line. */
export function policyYaml(policy: PlainPolicy): string {
  const head = Object.entries(headOf(policy)).map(([key, value]) => `${key}: ${flow(value)}`)
  const lines = Object.entries(tablesOf(policy)).flatMap(([table, { family, chains }]) => [
    `  ${table}:`,
    ...(family === undefined ? [] : [`    family: ${family}`]),
    '    chains:',
    ...Object.entries(chains).flatMap(([chain, { rules }]) => [
      `      ${chain}:`,
      `        rules:${rules.length === 0 ? ' []' : ''}`,
      ...rules.flatMap((rule, i) => ruleLines(rule, i % 2 === 0)),
    ]),
  ])
  return `${[...head, 'tables:', ...lines].join('\n')}\n`
}

function ruleLines(rule: PlainRule, inOne: boolean): readonly string[] {
  if (inOne) return [`          - ${flow(rule)}`]
  return Object.entries(rule).map(
    ([key, value], i) => `          ${i === 0 ? '-' : ' '} ${key}: ${flow(value)}`,
  )
}

function flow(value: Plain): string {
  if (typeof value === 'string') return /^[a-z][\w-]*$/i.test(value) ? value : quote(value)
  if (typeof value !== 'object') return String(value)
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`
  return `{ ${Object.entries(value)
    .map(([key, inner]) => `${key}: ${flow(inner)}`)
    .join(', ')} }`
}

function quote(text: string): string {
  return /["\\]/.test(text) ? `'${text.replaceAll("'", "''")}'` : JSON.stringify(text)
}

/** The rules as texts; the first hundred, which are too few to fold, are `filler`. */
export function policyOfTexts(policy: PlainPolicy, filler: string): string {
  const head = Object.entries(headOf(policy)).map(([key, value]) => `${key}: ${flow(value)}`)
  const chains = { first: [], ...policy.chains }
  const lines = Object.entries(chains).flatMap(([name, rules]) => [
    `      ${name}:`,
    '        rules:',
    ...(name === 'first' ? Array.from({ length: 100 }, () => filler) : [quote('-j RETURN')])
      .concat(rules.slice(0, 18).map((rule) => quote(ruleText(rule))))
      .map((text) => `          - ${text}`),
  ])
  return `${[...head, 'tables:', '  filter:', '    chains:', ...lines].join('\n')}\n`
}

/** Nearly what iptables would take; keys that have no such form are left out. */
function ruleText(rule: PlainRule): string {
  return Object.entries(rule)
    .flatMap(([key, value]) => OPTIONS[key]?.(value) ?? [])
    .join(' ')
}

const OPTIONS: Readonly<Record<string, (value: Plain) => string>> = {
  source: (value) => withValue('-s', value),
  destination: (value) => withValue('--destination', value),
  'in-interface': (value) => withValue('-i', value),
  protocol: (value) => withValue('-p', value),
  dport: (value) =>
    Array.isArray(value) ? withValue('-m multiport --dports', value) : withValue('--dport', value),
  sport: (value) => withValue('-m multiport --sports', value),
  ctstate: (value) => withValue('-m conntrack --ctstate', value),
  name: (value) => `-m comment --comment ${word(String(value))}`,
  ticket: (value) => `-m comment --comment ${String(value)}`,
  owner: (value) => `-m recent --name ${word(String(value))} --set`,
  jump: (value) =>
    typeof value === 'object' ? `-j LOG --log-prefix ${word(flow(value))}` : `-j ${value}`,
  goto: (value) => `-g ${value}`,
}

function withValue(option: string, value: Plain): string {
  const text = Array.isArray(value) ? value.join() : String(value)
  return text.startsWith('!')
    ? `! ${option} ${text.replace(/^! ?/, '')}`.replace(/^! (-m \w+) /, '$1 ! ')
    : `${option} ${text}`
}

function word(text: string): string {
  return /^[\w-]+$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, '\\$&')}"`
}

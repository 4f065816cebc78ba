import { expect, test } from 'vitest'
import { BUILTIN_NAMES as names } from '../../src/extensions/builtin-names.ts'
import { parseRule } from '../../src/iptables/parse-rule.ts'
import { newPieceCache } from '../../src/iptables/piece-cache.ts'
import { makeRule } from '../../src/iptables/rule.ts'
import { readSavedRule } from '../../src/iptables/saved-rule.ts'
import { isForeignChain, plainComments } from '../../src/plan/foreign.ts'
import { KNOWN_TOOLS } from '../../src/policy/policy.ts'
import type { Dialect, RuleSpec } from '../../src/ruleset/model.ts'
import { generateRule, seededRandom } from '../generate/rule.ts'

test.each([
  'DOCKER',
  'DOCKER-USER',
  'DOCKER-ISOLATION-STAGE-1',
  'KUBE-SERVICES',
  'KUBE-ROUTER-INPUT',
  'KUBE-POD-FW-ABC',
  'cali-INPUT',
  'CILIUM_FORWARD',
  'FLANNEL-FWD',
  'f2b-sshd',
  'ufw-before-input',
  'ufw6-user-input',
  'IN_public_allow',
  'FWD_public',
  'INPUT_direct',
  'LIBVIRT_INP',
  'CNI-FORWARD',
  'NETAVARK_FORWARD',
  'ts-input',
  'CROWDSEC_CHAIN',
  'crowdsec-blacklists',
  'sshguard',
])('%s belongs to another tool', (name) => {
  expect(isForeignChain(name)).toBe(true)
})

test.each(['INPUT', 'WEB', 'docker', 'my-DOCKER', 'DOCKERS', 'f2b', 'ACCEPT', 'LOG', 'IN', ''])(
  '%s does not',
  (name) => {
    expect(isForeignChain(name)).toBe(false)
  },
)

test.each([
  ['vpn-*', 'vpn-in', true],
  ['vpn-*', 'my-vpn-in', false],
  ['*-vpn-*', 'my-vpn-in', true],
  ['*', 'anything', true],
  ['a*a', 'a', false],
  ['a*a', 'aba', true],
  ['*b*b*', 'ab', false],
  ['exact', 'exactly', false],
  ['a.c', 'abc', false],
])('the pattern %s against %s: %s', (pattern, name, expected) => {
  expect(isForeignChain(name, { ...KNOWN_TOOLS, chains: [pattern] })).toBe(expected)
})

const DIALECT: Dialect = { family: 'ipv4', backend: 'nft', version: [1, 8, 9] }

function commentsIn({ matches }: RuleSpec): readonly string[] {
  return matches
    .filter((match) => match.module === 'comment')
    .flatMap(({ options }) => options.flatMap(({ values }) => values.slice(0, 1)))
}

test('where comments are told from a text alone, they are those of the rule', () => {
  const random = seededRandom(7)
  let told = 0
  for (let i = 0; i < 3000; i++) {
    const { words } = generateRule({ random, dialect: DIALECT, names })
    const [spec] = parseRule(words, { dialect: DIALECT, names }).specs
    if (spec === undefined) continue
    const { text } = makeRule(spec, { dialect: DIALECT, names })
    const comments = plainComments(text)
    if (comments === undefined) continue
    told += comments.length
    expect(comments, text).toEqual(commentsIn(spec))
  }
  expect(told).toBeGreaterThan(10)
})

test.each([
  ['-m comment --comment web -j ACCEPT', ['web']],
  ['-p tcp -m comment --comment "two words" -j ACCEPT', ['two words']],
  ['-j ACCEPT', []],
  ['-j LOG --log-prefix "-m comment --comment x"', undefined],
  ['-m comment --comment "a \\"b" -j ACCEPT', undefined],
  ['-m comment --comment a"b c" -j ACCEPT', undefined],
  ['-m comment --comment a -m comment --comment b', undefined],
  ['-m "com"ment --comment a', undefined],
  [`-m comment --comment ${'é'.repeat(130)}`, undefined],
])('%s: the comments that its text tells', (text, expected) => {
  expect(plainComments(text)).toEqual(expected)
  const context = { dialect: DIALECT, names, cache: newPieceCache() }
  const [rule] = readSavedRule(text, context)
  if (expected !== undefined && rule) expect(commentsIn(rule.spec)).toEqual(expected)
})

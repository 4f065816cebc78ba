import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildBatch } from '../../src/plan/batch.ts'
import { formsOf, type RehearsalSample, rehearsalSample } from '../../src/plan/rehearsal-sample.ts'
import type { Dialect, Ruleset, Table } from '../../src/ruleset/model.ts'
import { restore } from '../fake/restore.ts'
import { chain, fullTable, rule, ruleset } from './rulesets.ts'

const dialect: Dialect = { family: 'ipv4', backend: 'nft', version: [1, 8, 9] }
const NOTHING: Ruleset = { family: 'ipv4', tables: [] }

function sampleOf(target: Ruleset, live: Ruleset = NOTHING): RehearsalSample | undefined {
  return rehearsalSample({ target, batch: buildBatch({ live, target, dialect }) })
}

/** So many rules of one form. */
function many(count: number, form = (i: number): string => `-s 10.0.${i >> 8}.${i & 255}/32`) {
  return Array.from({ length: count }, (_, i) => `${form(i)} -j DROP`)
}

function filter(...chains: Parameters<typeof chain>[]): Ruleset {
  const [input, ...users] = chains.map((one) => chain(...one))
  return ruleset(fullTable('filter', { ...chain('INPUT', []), ...input, policy: 'DROP' }, ...users))
}

function textsOf({ tables }: Ruleset): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    tables.flatMap(({ chains }) =>
      chains.map(({ name, rules }) => [name, rules.map(({ text }) => text)]),
    ),
  )
}

describe('a rule has the form of one that differs', () => {
  test.each([
    ['in an address', '-s 10.1.2.3/32 -j ACCEPT', '-s 192.0.2.7/32 -j ACCEPT'],
    ['in an IPv6 address', '-d 2001:db8::1/128', '-d fe80::/128'],
    ['in a port', '-p tcp -m tcp --dport 22 -j X', '-p tcp -m tcp --dport 8080 -j X'],
    ['in a range of ports', '-m tcp --sport 1:9', '-m tcp --sport 1024:2000'],
    ['in a list of ports', '-m multiport --dports 22,80', '-m multiport --dports 1,2,3'],
    ['in a comment', '-m comment --comment "a b" -j X', '-m comment --comment word -j X'],
    ['in where it leads to', '--to-destination 10.0.0.1:80', '--to-destination 10.0.0.2:81'],
    ['in an address behind a comment', '--comment "x" -s 1.2.3.4/8', '--comment "y" -s 2.3.4.5/8'],
  ])('%s', (_, one, other) => {
    expect(formsOf([one])).toEqual(formsOf([other]))
  })
})

describe('a rule has another form than one that differs', () => {
  test.each([
    ['in the length of a prefix', '-s 10.0.0.0/8', '-s 10.0.0.0/16'],
    ['in a negation', '-s 10.0.0.0/8', '! -s 10.0.0.0/8'],
    ['in an end of the range of ports', '--dport 22', '--dport 0'],
    ['in the other', '--sport 22', '--sport 65535'],
    ['in the end of a range', '--dport 1:22', '--dport 1:65535'],
    ['in an end of the range in a list', '--dports 1,2', '--dports 0,2'],
    ['in having a range in a list', '--dports 1,2', '--dports 1:2,5'],
    ['in having a range', '--dport 1', '--dport 1:2'],
    ['in an interface', '-i eth0', '-i eth1'],
    ['in a mark', '-m mark --mark 0x1', '-m mark --mark 0x2'],
    ['in a range of addresses to go to', '--to-source 1.1.1.1', '--to-source 1.1.1.1-1.1.1.2'],
    ['in the name of a list', '-m recent --name a', '-m recent --name b'],
    ['inside of quotes', '-m string --string "-s 1.1.1.1/8"', '-m string --string "-s 2.2.2.2/8"'],
    [
      'behind a comment in quotes',
      '--string " --comment " -s 1.1.1.1/8 -j "x"',
      '--string " --comment " -s 2.2.2.2/8 -j "x"',
    ],
    ['in what a backslash keeps', '--comment "a\\"b"', '--comment "a\\"c"'],
  ])('%s', (_, one, other) => {
    expect(formsOf([one])).not.toEqual(formsOf([other]))
  })
})

test('a comment with a newline in it makes every rule its own form', () => {
  const texts = ['-s 1.1.1.1/32', '--comment "a\nb"', '-s 2.2.2.2/32']
  expect(formsOf(texts)).toEqual(texts)
})

describe('a sample keeps', () => {
  test('one rule of each form, and every chain', () => {
    const target = filter(['INPUT', many(300)], ['a', []])
    const sample = sampleOf(target)
    expect(sample && textsOf(sample.target)).toEqual({
      INPUT: ['-s 10.0.0.0/32 -j DROP'],
      OUTPUT: [],
      FORWARD: [],
      a: [],
    })
    expect(sample?.text).toContain(':a - [0:0]\n')
    expect(sample?.text.match(/^-A/gm)).toHaveLength(1)
  })

  test('one for each way in which chains are reached', () => {
    const target = ruleset(
      fullTable(
        'filter',
        chain('INPUT', ['-j a', '-j b', ...many(300)], { policy: 'DROP' }),
        chain('OUTPUT', ['-j b'], { policy: 'ACCEPT' }),
        chain('a', ['-j c', ...many(3)]),
        chain('b', many(3)),
        chain('c', many(3)),
        chain('nowhere', many(3)),
      ),
    )
    const kept = textsOf((sampleOf(target) as RehearsalSample).target)
    const one = '-s 10.0.0.0/32 -j DROP'
    expect(kept).toEqual({
      // A built-in chain by itself; a and c only from INPUT; b from both; the last from nowhere.
      INPUT: ['-j a', '-j b', one],
      FORWARD: [],
      OUTPUT: ['-j b'],
      a: ['-j c', one],
      b: [one],
      c: [],
      nowhere: [one],
    })
  })

  test('all jumps', () => {
    const names = Array.from({ length: 300 }, (_, i) => `c${i}`)
    const jumps = names.map((name, i) => `-s 10.0.0.${i % 250}/32 -j ${name}`)
    const target = filter(
      ['INPUT', [...jumps, ...many(300)]],
      ...names.map((name) => [name, []] as [string, string[]]),
    )
    const kept = textsOf((sampleOf(target) as RehearsalSample).target)
    expect(kept.INPUT?.slice(0, 300)).toEqual(jumps)
    expect(kept.INPUT).toHaveLength(301)
  })

  test('all rules that the kernel compares with each other by a name', () => {
    const shared = many(300, (i) => `-s 10.0.0.${i % 250}/32 -m rateest --rateest x`)
    const target = filter(['INPUT', shared])
    expect(sampleOf(target)).toBeUndefined()
  })

  test('all rules of chains that are edited by number', () => {
    const live = filter(
      ['INPUT', ['-s 1.1.1.1/32 -j ACCEPT', '-s 9.9.9.9/32 -j ACCEPT']],
      ['a', []],
    )
    const target = filter(['INPUT', [...many(300), '-s 9.9.9.9/32 -j ACCEPT']], ['a', many(300)])
    const sample = sampleOf(target, live) as RehearsalSample
    expect(textsOf(sample.target).INPUT).toHaveLength(301)
    expect(textsOf(sample.target).a).toHaveLength(1)
  })
})

test.each([
  ['a verdict', ['-j RETURN', ...many(3)]],
  ['a goto', ['-g b', '-j b']],
])('where rules stand behind %s for every packet, there is no sample', (_, rules) => {
  const target = (last: readonly string[]) =>
    filter(['INPUT', ['-j a', '-j b']], ['a', [...last]], ['b', many(300)])
  expect(sampleOf(target(rules))).toBeUndefined()
  expect(sampleOf(target([...many(3), '-j RETURN']))).toBeDefined()
})

test('a comment that looks like a jump is none', () => {
  const jump = { ...rule('-m comment --comment -j -g b'), spec: rule('-g b').spec }
  const table = filter(['INPUT', []], ['a', many(1)], ['b', many(300)]).tables[0] as Table
  const chains = table.chains.map((one) => (one.name === 'INPUT' ? { ...one, rules: [jump] } : one))
  const target = ruleset({ ...table, chains })
  // One that is reached from INPUT, one that is not.
  expect(textsOf((sampleOf(target) as RehearsalSample).target)).toMatchObject({
    a: many(1),
    b: many(1),
  })
})

test('a rule that is live already does not stand for one that is added', () => {
  const live = filter(['INPUT', ['-j a']], ['a', many(1)])
  const target = filter(['INPUT', ['-j a', '-j b']], ['a', many(1)], ['b', many(300)])
  expect(textsOf((sampleOf(target, live) as RehearsalSample).target).b).toHaveLength(1)
})

test('of few rules there is no sample', () => {
  expect(sampleOf(filter(['INPUT', many(150)]))).toBeUndefined()
})

test('a sample of a batch makes the sample of its target, whatever was there before', () => {
  const text = fc.oneof(
    fc.nat(400).map((i) => `-s 10.0.${i % 7}.${i % 251}/32 -j DROP`),
    fc.nat(400).map((i) => `-p tcp -m tcp --dport ${i} -j ACCEPT`),
    fc.constantFrom('-i lo -j ACCEPT', '-j aa', '-j bb', '-s 10.0.0.0/8 -j ACCEPT'),
  )
  const rules = (minLength: number) => fc.array(text, { minLength, maxLength: minLength + 60 })
  const state = (size: number) =>
    fc.record({ INPUT: rules(size), aa: rules(0), bb: rules(size) }).map(({ INPUT, aa, bb }) => {
      const only = (lines: readonly string[], ...jumps: string[]): string[] =>
        lines.filter((line) => !/-j (aa|bb)$/.test(line) || jumps.includes(line.slice(-2)))
      return filter(['INPUT', INPUT], ['aa', only(aa, 'bb')], ['bb', only(bb)])
    })
  let sampled = 0
  fc.assert(
    fc.property(state(0), state(150), (live, target) => {
      for (const before of [NOTHING, live]) {
        const sample = sampleOf(target, before)
        if (sample === undefined) continue
        sampled++
        const after = restore(before, sample.text, {
          backend: 'nft',
          readRule: rule,
          print: () => undefined,
        })
        expect(textsOf(after)).toEqual(textsOf(sample.target))
      }
    }),
    { numRuns: 60 },
  )
  expect(sampled).toBeGreaterThan(40)
})

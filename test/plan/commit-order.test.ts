import fc from 'fast-check'
import { expect, test } from 'vitest'
import { buildBatch } from '../../src/plan/batch.ts'
import { rulesetDigest } from '../../src/plan/state.ts'
import type { Chain, Dialect, Ruleset, Table, TableName } from '../../src/ruleset/model.ts'
import { restore } from '../fake/restore.ts'
import { chain, counters, fullTable, rule, ruleset } from './rulesets.ts'

const dialect: Dialect = { family: 'ipv4', backend: 'nft', version: [1, 8, 9] }
const SOURCES = ['1', '2', '3', '4']

/** The states that the kernel holds one after the other, the first and the last included. */
function statesOnTheWay(live: Ruleset, target: Ruleset): readonly Ruleset[] {
  const { text } = buildBatch({ live, target, dialect })
  const blocks = text.split(/(?<=^COMMIT\n)/m).filter((block) => block !== '')
  const states = [live]
  for (const block of blocks) {
    states.push(restore(states.at(-1) as Ruleset, block, { backend: 'nft', readRule: rule }))
  }
  return states
}

function accepted(state: Ruleset): ReadonlySet<string> {
  const path: readonly (readonly [TableName, string])[] = [
    ['raw', 'PREROUTING'],
    ['mangle', 'INPUT'],
    ['filter', 'INPUT'],
  ]
  return new Set(
    SOURCES.filter((source) =>
      path.every(([name, hook]) => {
        const table = state.tables.find((one) => one.name === name)
        return verdict(table, hook, source) === 'ACCEPT'
      }),
    ),
  )
}

function verdict(table: Table | undefined, hook: string, source: string): string {
  const policy = table?.chains.find((one) => one.name === hook)?.policy ?? 'ACCEPT'
  return walk(table, hook, source) ?? policy
}

function walk(table: Table | undefined, name: string, source: string): string | undefined {
  for (const { text } of table?.chains.find((one) => one.name === name)?.rules ?? []) {
    const [, from, target = ''] = /^(?:-s (\S+) )?-j (\S+)$/.exec(text) ?? []
    if (from !== undefined && from !== source) continue
    if (target === 'ACCEPT' || target === 'DROP') return target
    const found = target === 'LOG' ? undefined : walk(table, target, source)
    if (found !== undefined) return found
  }
  return undefined
}

const isWithin = (some: ReadonlySet<string>, all: ReadonlySet<string>): boolean =>
  [...some].every((one) => all.has(one))

/** The chain `aa` only denies and `bb` only accepts: of others, their coming or going is no promise. */
function arbitraryTable(name: TableName, hook: string): fc.Arbitrary<Table> {
  const over = (...targets: readonly string[]) =>
    targets.flatMap((target) => SOURCES.map((source) => `-s ${source} -j ${target}`))
  const lines = (...texts: readonly string[]) =>
    fc.array(fc.constantFrom(...texts), { maxLength: 6 })
  return fc
    .record({
      rules: lines(
        ...over('ACCEPT', 'DROP', 'LOG'),
        '-j aa',
        '-s 1 -j bb',
        '-s 2 -j aa',
        '-j DROP',
      ),
      aa: fc.option(lines(...over('DROP', 'LOG'))),
      bb: fc.option(lines(...over('ACCEPT', 'LOG'))),
      policy: fc.constantFrom('ACCEPT' as const, 'DROP' as const),
    })
    .map(({ rules, aa, bb, policy }) => {
      const users = Object.entries({ aa, bb }).flatMap(([user, texts]): Chain[] =>
        texts === null ? [] : [chain(user, texts)],
      )
      const missing = [aa === null ? ' aa' : '?', bb === null ? ' bb' : '?']
      const known = rules.filter((line) => !missing.some((end) => line.endsWith(end)))
      return fullTable(name, chain(hook, known, { policy }), ...users)
    })
}

const arbitraryState = fc
  .tuple(
    arbitraryTable('raw', 'PREROUTING'),
    arbitraryTable('mangle', 'INPUT'),
    arbitraryTable('filter', 'INPUT'),
  )
  .map((tables) => ruleset(...tables))

test('on the way, no more is let in than before, and from some point on no more than after', () => {
  fc.assert(
    fc.property(arbitraryState, arbitraryState, (live, target) => {
      const states = statesOnTheWay(live, target)
      expect(rulesetDigest(states.at(-1) as Ruleset)).toBe(rulesetDigest(target))
      const through = states.map(accepted)
      const before = accepted(live)
      const after = accepted(target)
      const pivot = through.findIndex((one) => !isWithin(one, before))
      for (const one of pivot < 0 ? [] : through.slice(pivot)) {
        expect(isWithin(one, after)).toBe(true)
      }
    }),
    { numRuns: 300 },
  )
})

const TABLE = (name: TableName, hook: string, policy: 'ACCEPT' | 'DROP', ...lines: string[]) =>
  fullTable(name, chain(hook, lines, { policy }))

function order(live: readonly Table[], target: readonly Table[]): readonly string[] {
  const { text } = buildBatch({ live: ruleset(...live), target: ruleset(...target), dialect })
  return text.split('\n').filter((line) => line.startsWith('*') || /^[-:[]/.test(line))
}

test('a single table changes at once, whatever its changes are', () => {
  expect(
    order(
      [TABLE('filter', 'INPUT', 'ACCEPT', '-s 1 -j ACCEPT', '-s 2 -j DROP')],
      [TABLE('filter', 'INPUT', 'DROP', '-s 3 -j ACCEPT')],
    ).filter((line) => line.startsWith('*')),
  ).toEqual(['*filter'])
})

test('a port forward comes before the rule that lets its packets in, and goes after it', () => {
  const open = [
    TABLE('nat', 'PREROUTING', 'ACCEPT', '-p 6 -j DNAT'),
    TABLE('filter', 'FORWARD', 'DROP', '-d 9 -j ACCEPT'),
  ]
  const shut = [TABLE('nat', 'PREROUTING', 'ACCEPT'), TABLE('filter', 'FORWARD', 'DROP')]
  expect(order(shut, open)).toEqual([
    '*nat',
    '-A PREROUTING -p 6 -j DNAT',
    '*filter',
    '-A FORWARD -d 9 -j ACCEPT',
  ])
  expect(order(open, shut)).toEqual(['*filter', '-D FORWARD 1', '*nat', '-D PREROUTING 1'])
})

test('a host that was open is shut before its nat rules come, in one go', () => {
  const nat = TABLE('nat', 'PREROUTING', 'ACCEPT', '-p 6 -j DNAT')
  const filter = TABLE('filter', 'INPUT', 'DROP', '-i lo -j ACCEPT')
  expect(order([], [nat, filter])).toEqual([
    '*filter',
    ':INPUT DROP [0:0]',
    '-A INPUT -i lo -j ACCEPT',
    '*nat',
    '-A PREROUTING -p 6 -j DNAT',
  ])
})

test('what masquerade and logs do needs no order: filter changes at once', () => {
  const live = [
    TABLE('nat', 'POSTROUTING', 'ACCEPT'),
    TABLE('filter', 'INPUT', 'DROP', '-s 1 -j ACCEPT'),
  ]
  const target = [
    TABLE('nat', 'POSTROUTING', 'ACCEPT', '-j MASQUERADE'),
    TABLE('filter', 'INPUT', 'DROP', '-s 2 -j ACCEPT'),
  ]
  expect(order(live, target).filter((line) => line.startsWith('*'))).toEqual(['*nat', '*filter'])
})

const NAMED = '-s 2 -m comment --comment'

/** Filter denies and accepts, so that any other table that does both is split. */
const FILTER = [
  TABLE('filter', 'INPUT', 'DROP', '-s 4 -j ACCEPT'),
  TABLE('filter', 'INPUT', 'DROP', '-s 5 -j ACCEPT'),
] as const

function mangle(...lines: readonly string[]): Table {
  return fullTable('mangle', chain('INPUT', lines, { policy: 'DROP', counters: counters(8) }))
}

function mangleOf(state: Ruleset | undefined): Chain | undefined {
  const table = state?.tables.find((one) => one.name === 'mangle')
  return table?.chains.find((one) => one.name === 'INPUT')
}

test('of two tables that deny and accept, one changes at once between the two halves of the other', () => {
  const lines = order([mangle('-s 1 -j ACCEPT'), FILTER[0]], [mangle('-s 2 -j ACCEPT'), FILTER[1]])
  expect(lines).toEqual([
    '*mangle',
    '-D INPUT 1',
    '*filter',
    '-R INPUT 1 -s 5 -j ACCEPT',
    '*mangle',
    '-A INPUT -s 2 -j ACCEPT',
  ])
})

test.each([
  ['moves up', [`${NAMED} a -j ACCEPT`, '-s 3 -j DROP', '-s 1 -j ACCEPT', '-s 6 -j ACCEPT']],
  ['moves down', ['-s 3 -j DROP', `${NAMED} a -j ACCEPT`, '-s 1 -j ACCEPT', '-s 6 -j ACCEPT']],
  ['gets another comment', ['-s 3 -j DROP', '-s 1 -j ACCEPT', `${NAMED} b -j ACCEPT`]],
])('what is let in before and after is let in on the way by a rule that %s', (_how, lines) => {
  const live = ruleset(mangle('-s 1 -j ACCEPT', `${NAMED} a -j ACCEPT`), FILTER[0])
  const states = statesOnTheWay(live, ruleset(mangle(...lines), FILTER[1]))
  expect(states.length).toBeGreaterThan(2)
  for (const state of states) {
    const texts = mangleOf(state)?.rules.map((one) => one.text) ?? []
    expect(texts).toContain('-s 1 -j ACCEPT')
    expect(texts.filter((text) => text.startsWith(NAMED))).toHaveLength(1)
  }
})

test('a rule that goes at first and comes back at last has its counters', () => {
  const live = ruleset(mangle('[5:50] -s 1 -p 6 -j ACCEPT', '[6:60] -s 2 -j ACCEPT'), FILTER[0])
  const target = ruleset(mangle('-s 9 -j DROP', '-s 1 -p 7 -j ACCEPT', '-s 2 -j ACCEPT'), FILTER[1])
  const input = mangleOf(statesOnTheWay(live, target).at(-1))
  expect(input?.rules.map((one) => [one.text, one.counters])).toEqual([
    ['-s 9 -j DROP', counters(0)],
    ['-s 1 -p 7 -j ACCEPT', counters(5)],
    ['-s 2 -j ACCEPT', counters(6)],
  ])
  expect(input?.counters).toEqual(counters(8))
})

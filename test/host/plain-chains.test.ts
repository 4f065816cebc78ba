import { describe, expect, test } from 'vitest'
import { chainNames, plainChains, unknownChains } from '../../src/host/plain-chains.ts'
import { chainsAsIn, printState } from '../../src/iptables/save.ts'
import type { Ruleset } from '../../src/ruleset/model.ts'
import { chain, fullTable, ruleset } from '../plan/rulesets.ts'

function filter(rules: Readonly<Record<string, readonly string[]>>): Ruleset {
  const users = Object.entries(rules).map(([name, lines]) => chain(name, [...lines]))
  return ruleset(fullTable('filter', chain('INPUT', ['-j a'], { policy: 'DROP' }), ...users))
}

function namesOf(found: ReturnType<typeof chainsAsIn>): readonly string[] {
  return found.map(({ table, chain }) => `${table} ${chain}`)
}

const THEN = filter({ a: ['-s 1', '-s 2'], b: ['-s 3'], c: ['-s 4', '-s 5'], d: [] })

describe('chains are as in a text', () => {
  test('all that have rules, in the state that it was made from', () => {
    expect(namesOf(chainsAsIn(printState(THEN), THEN))).toEqual([
      'filter INPUT',
      'filter a',
      'filter b',
      'filter c',
    ])
  })

  test.each([
    ['without the one with another rule', { a: ['-s 1', '-s 9'], b: ['-s 3'] }, ['b']],
    ['without the one with a rule less at its end', { a: ['-s 1'], b: ['-s 3'] }, ['b']],
    ['without the one with a rule less at its head', { a: ['-s 2'], b: ['-s 3'] }, ['b']],
    ['without the one with a rule more', { a: ['-s 1', '-s 2', '-s 3'], b: ['-s 3'] }, ['b']],
    ['in another order', { c: ['-s 4', '-s 5'], a: ['-s 1', '-s 2'] }, ['c', 'a']],
    ['behind a new one', { x: ['-s 1'], c: ['-s 4', '-s 5'] }, ['c']],
    ['whose name begins like another one', { aa: ['-s 1', '-s 2'], b: ['-s 3'] }, ['b']],
  ])('%s', (_what, now, same) => {
    const found = namesOf(chainsAsIn(printState(THEN), filter(now)))
    expect(found).toEqual(['filter INPUT', ...same.map((name) => `filter ${name}`)])
  })

  test('of the same table only', () => {
    const nat = ruleset(fullTable('nat', chain('a', ['-s 1', '-s 2'])))
    expect(chainsAsIn(printState(THEN), nat)).toEqual([])
    const both = { ...THEN, tables: [...nat.tables, ...THEN.tables] }
    expect(namesOf(chainsAsIn(printState(both), THEN))).toHaveLength(4)
  })
})

describe('a chain is plain', () => {
  const last = { backend: 'nft', rules: printState(THEN), plain: { filter: ['a', 'c'] } } as const

  test('when it was, and has the rules that it had', () => {
    const now = filter({ a: ['-s 1', '-s 2'], b: ['-s 3'], c: ['-s 4'] })
    expect(namesOf(plainChains(last, now, 'nft'))).toEqual(['filter a'])
  })

  test('never when nothing is known of it, as on another back end', () => {
    expect(plainChains(last, THEN, 'legacy')).toEqual([])
    expect(plainChains(undefined, THEN, 'nft')).toEqual([])
    expect(plainChains({ backend: 'nft', rules: last.rules }, THEN, 'nft')).toEqual([])
  })
})

test('nft is asked about chains that change and have rules, but for plain ones', () => {
  const last = { backend: 'nft', rules: printState(THEN), plain: { filter: ['a', 'c'] } } as const
  const touched = ['a', 'b', 'd', 'new'].map((name) => ({ table: 'filter', chain: name }) as const)
  expect(unknownChains(last, THEN, touched)).toEqual([{ table: 'filter', chain: 'b' }])
  const now = filter({ a: ['-s 1'], b: ['-s 3'], c: ['-s 4', '-s 5'], d: [] })
  expect(unknownChains(last, now, touched)).toEqual([
    { table: 'filter', chain: 'a' },
    { table: 'filter', chain: 'b' },
  ])
})

test('for the record each name is there once', () => {
  const [a, b] = [{ table: 'filter', chain: 'a' } as const, { table: 'nat', chain: 'b' } as const]
  expect(chainNames([a, b, a])).toEqual({ filter: ['a'], nat: ['b'] })
  expect(chainNames([])).toBeUndefined()
})

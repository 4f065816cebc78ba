import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildBatch } from '../../src/plan/batch.ts'
import { diffRulesets } from '../../src/plan/diff.ts'
import { guardBatch } from '../../src/plan/guards.ts'
import { rehearsalSeed } from '../../src/plan/rehearsal-seed.ts'
import { sameChains, touchedChains } from '../../src/plan/touched.ts'
import type { Dialect, Ruleset } from '../../src/ruleset/model.ts'
import { restore } from '../fake/restore.ts'
import { arbitraryRuleset } from './generate.ts'
import { chain, fullTable, rule, ruleset } from './rulesets.ts'

const dialect: Dialect = { family: 'ipv4', backend: 'nft', version: [1, 8, 9] }

function seedOf(live: Ruleset, target: Ruleset): Ruleset {
  return rehearsalSeed({ live, target, touched: touchedChains(diffRulesets(live, target)) })
}

/** The rules of a seed, chain by chain. */
function shown(seed: Ruleset): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    seed.tables.flatMap((table) =>
      table.chains.map(({ name, rules }) => [name, rules.map(({ text }) => text)]),
    ),
  )
}

test('a batch does to the changed chains of a seed what it does to those of the host', () => {
  fc.assert(
    fc.property(arbitraryRuleset(), arbitraryRuleset(), (live, target) => {
      const touched = touchedChains(diffRulesets(live, target))
      const batch = buildBatch({ live, target, dialect })
      for (const { text } of [batch, guardBatch(batch, live)]) {
        const after = restore(seedOf(live, target), text, {
          backend: 'nft',
          readRule: rule,
          print: () => undefined,
        })
        expect(sameChains(after, target, touched)).toBe(true)
      }
    }),
    { numRuns: 300 },
  )
})

describe('a seed has', () => {
  const filter = (input: readonly string[], ...users: Parameters<typeof chain>[]): Ruleset =>
    ruleset(
      fullTable(
        'filter',
        chain('INPUT', input, { policy: 'ACCEPT' }),
        ...users.map((u) => chain(...u)),
      ),
    )

  test('the chain that changes, the way to it, and of what it jumps to the name', () => {
    const input = ['-s 1 -j ACCEPT', '-j aa', '-s 2 -j zz', '-j bb']
    const aa = ['-s 3', '-j cc', '-s 4']
    const others: Parameters<typeof chain>[] = [
      ['bb', ['-j DROP']],
      ['cc', ['-s 9']],
      ['zz', ['-s 8']],
    ]
    const live = filter(input, ['aa', aa], ...others)
    const target = filter(input, ['aa', ['-s 3', '-j cc', '-s 5']], ...others)
    expect(shown(seedOf(live, target))).toEqual({
      INPUT: ['-j aa'],
      FORWARD: [],
      OUTPUT: [],
      aa,
      cc: [],
    })
  })

  test('all of what a new jump leads to, and the ways to that', () => {
    const users: Parameters<typeof chain>[] = [
      ['aa', ['-s 1', '-j bb']],
      ['bb', ['-s 2']],
      ['cc', ['-s 3 -j aa', '-s 4']],
    ]
    const seed = seedOf(filter(['-s 7'], ...users), filter(['-s 7', '-j aa'], ...users))
    expect(shown(seed)).toMatchObject({
      INPUT: ['-s 7'],
      aa: ['-s 1', '-j bb'],
      bb: ['-s 2'],
      cc: ['-s 3 -j aa'],
    })
  })

  test('all of what follows a chain that changes itself, when a new jump leads to it', () => {
    const users = (aa: string): Parameters<typeof chain>[] => [
      ['aa', [aa, '-j bb']],
      ['bb', ['-s 2 -j cc']],
      ['cc', ['-s 3']],
    ]
    const seed = seedOf(filter([], ...users('-s 1')), filter(['-j aa'], ...users('-s 9')))
    expect(shown(seed)).toMatchObject({ aa: ['-s 1', '-j bb'], bb: ['-s 2 -j cc'], cc: ['-s 3'] })
  })

  test('all of what a jump leads to that the kernel gets to see', () => {
    const users: Parameters<typeof chain>[] = [['aa', ['-s 1']]]
    const live = filter(['-j ACCEPT', '-j aa'], ...users)
    const seed = seedOf(live, filter(['-j aa'], ...users))
    expect(shown(seed)).toMatchObject({ INPUT: ['-j ACCEPT', '-j aa'], aa: ['-s 1'] })
  })

  test('the rule that hides a jump from the kernel', () => {
    const input = ['-s 7', '-j DROP', '-j aa', '-s 8']
    const seed = seedOf(filter(input, ['aa', ['-s 1']]), filter(input, ['aa', ['-s 2']]))
    expect(shown(seed)).toMatchObject({ INPUT: ['-j DROP', '-j aa'], aa: ['-s 1'] })
  })

  test('all tables where a rate estimator is asked for that may be made in another one', () => {
    const mangle = fullTable('mangle', chain('FORWARD', ['-j RATEEST --rateest-name e']))
    const state = (rule: string): Ruleset =>
      ruleset(mangle, fullTable('filter', chain('INPUT', [rule], { policy: 'ACCEPT' })))
    const live = state('-s 1')
    const seed = seedOf(live, state('-m rateest --rateest e -j DROP'))
    expect(seed).toEqual(live)
  })

  test('everything where a rule that changes depends on the name of a state', () => {
    const users: Parameters<typeof chain>[] = [['aa', ['-s 1 -j RATEEST --rateest-name x']]]
    const live = filter(['-m rateest --rateest x -j DROP'], ...users)
    const target = filter(['-m rateest --rateest x -j ACCEPT'], ...users)
    expect(shown(seedOf(live, target))).toMatchObject({ aa: ['-s 1 -j RATEEST --rateest-name x'] })
  })

  test('no jump that only a comment speaks of', () => {
    const input = ['-m comment --comment "say -j bb" -j aa', '-m comment --comment "-j aa" -j bb']
    const users: Parameters<typeof chain>[] = [['bb', ['-s 2']]]
    const live = filter(input, ['aa', ['-s 1']], ...users)
    const target = filter(input, ['aa', ['-s 3']], ...users)
    expect(shown(seedOf(live, target))).toMatchObject({
      INPUT: ['-m comment --comment "say -j bb" -j aa'],
    })
  })
})

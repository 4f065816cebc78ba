import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Change } from '../../src/plan/change.ts'
import { diffRulesets } from '../../src/plan/diff.ts'
import { rulesetDigest } from '../../src/plan/state.ts'
import { arbitraryRuleset } from './generate.ts'
import { chain, counters, fullTable, ruleset, table } from './rulesets.ts'

/** A change in a few words: `rule-move 1>3 text`. */
function brief(change: Change): string {
  switch (change.kind) {
    case 'chain-add':
    case 'chain-remove':
      return `${change.kind} ${change.chain}`
    case 'policy-change':
      return `${change.kind} ${change.before.policy}>${change.after.policy}`
    case 'rule-add':
      return `${change.kind} ${change.targetPosition} ${change.after.text}`
    case 'rule-remove':
      return `${change.kind} ${change.livePosition} ${change.before.text}`
    case 'rule-change':
    case 'rule-move':
      return `${change.kind} ${change.livePosition}>${change.targetPosition} ${change.after.text}`
  }
}

function between(live: readonly string[], target: readonly string[]): string[] {
  return diffRulesets(
    ruleset(fullTable('filter', chain('INPUT', live))),
    ruleset(fullTable('filter', chain('INPUT', target))),
  ).map(brief)
}

describe('one chain', () => {
  test.each([
    ['nothing', ['a', 'b'], ['a', 'b'], []],
    ['an added rule', ['a', 'c'], ['a', 'b', 'c'], ['rule-add 2 b']],
    ['a removed rule', ['a', 'b', 'c'], ['a', 'c'], ['rule-remove 2 b']],
    ['a moved rule', ['a', 'b', 'c'], ['b', 'c', 'a'], ['rule-move 1>3 a']],
    [
      'an edited rule',
      ['a', '-s 1 -p 6 -j ACCEPT'],
      ['a', '-s 2 -p 6 -j ACCEPT'],
      ['rule-change 2>2 -s 2 -p 6 -j ACCEPT'],
    ],
    [
      'an unrelated rule in its place',
      ['-s 1 -j DROP'],
      ['-p 6 -j LOG'],
      ['rule-remove 1 -s 1 -j DROP', 'rule-add 1 -p 6 -j LOG'],
    ],
    [
      'the closest of several as the edited one',
      ['-s 1 -d 1 -p 6', '-s 2 -d 2 -p 7'],
      ['-s 2 -d 2 -p 8'],
      ['rule-remove 1 -s 1 -d 1 -p 6', 'rule-change 2>1 -s 2 -d 2 -p 8'],
    ],
    [
      'a rule with the same comment as the same rule',
      ['-s 1 -j ACCEPT -m comment --comment web'],
      ['-d 9 -p 6 -j DROP -m comment --comment web'],
      ['rule-change 1>1 -d 9 -p 6 -j DROP -m comment --comment web'],
    ],
    ['one of two equal rules', ['a', 'a'], ['a'], ['rule-remove 2 a']],
  ])('%s', (_what, live, target, expected) => {
    expect(between(live, target)).toEqual(expected)
  })
})

test('tables, chains and policies, in the order in which they are shown', () => {
  const live = ruleset(
    fullTable(
      'filter',
      chain('INPUT', ['a'], { policy: 'ACCEPT', counters: counters(3) }),
      chain('old', ['x']),
    ),
  )
  const target = ruleset(
    fullTable('nat', chain('POSTROUTING', ['n'])),
    fullTable('filter', chain('INPUT', ['a'], { policy: 'DROP' }), chain('new', ['y'])),
  )
  expect(diffRulesets(live, target).map(brief)).toEqual([
    'rule-add 1 n',
    'policy-change ACCEPT>DROP',
    'chain-add new',
    'rule-add 1 y',
    'chain-remove old',
    'rule-remove 1 x',
  ])
})

test('what goes is shown with what it has counted', () => {
  const live = ruleset(fullTable('filter', chain('INPUT', ['[7:70] a'])))
  expect(diffRulesets(live, ruleset(fullTable('filter')))).toMatchObject([
    { kind: 'rule-remove', before: { counters: counters(7) } },
  ])
})

test('a table that is gone from the target is emptied, and its policies accept again', () => {
  const live = ruleset(fullTable('raw', chain('OUTPUT', ['a'], { policy: 'DROP' }), chain('u')))
  expect(diffRulesets(live, ruleset()).map(brief)).toEqual([
    'policy-change DROP>ACCEPT',
    'rule-remove 1 a',
    'chain-remove u',
  ])
})

test('a built-in chain without a policy in the target keeps the live one', () => {
  const live = ruleset(fullTable('filter', chain('INPUT', [], { policy: 'DROP' })))
  const target = ruleset(table('filter', chain('INPUT')))
  expect(diffRulesets(live, target)).toEqual([])
})

test('nothing differs from itself, and equal digests mean that nothing differs', () => {
  fc.assert(
    fc.property(arbitraryRuleset(), arbitraryRuleset(), (a, b) => {
      expect(diffRulesets(a, a)).toEqual([])
      expect(diffRulesets(a, b).length === 0).toBe(rulesetDigest(a) === rulesetDigest(b))
    }),
    { numRuns: 300 },
  )
})

test('additions less removals are what the number of rules grows by', () => {
  fc.assert(
    fc.property(arbitraryRuleset(), arbitraryRuleset(), (a, b) => {
      const count = (from: typeof a): number =>
        from.tables.flatMap((t) => t.chains.flatMap((c) => c.rules)).length
      const kinds = diffRulesets(a, b).map((change) => change.kind)
      const added = kinds.filter((kind) => kind === 'rule-add').length
      const removed = kinds.filter((kind) => kind === 'rule-remove').length
      expect(count(a) + added - removed).toBe(count(b))
    }),
  )
})

import { expect, test } from 'vitest'
import { claim } from '../../src/plan/claim.ts'
import { diffRulesets } from '../../src/plan/diff.ts'
import { rebase, type Scope, scopeDigest, scopeOf } from '../../src/plan/scope.ts'
import { stateText } from '../../src/plan/state.ts'
import { DEFAULT_OWNERSHIP } from '../../src/policy/policy.ts'
import { chain, fullTable, ruleset, table } from './rulesets.ts'

const live = ruleset(
  fullTable('nat', chain('POSTROUTING', ['-j DOCKER']), chain('DOCKER', ['x'])),
  fullTable(
    'filter',
    chain('INPUT', ['a', '-j DOCKER']),
    chain('web', ['b']),
    chain('DOCKER', ['c']),
  ),
)
const later = ruleset(
  fullTable('nat', chain('POSTROUTING', ['-j DOCKER']), chain('DOCKER', ['x', 'y'])),
  fullTable(
    'filter',
    chain('INPUT', ['a', '-j DOCKER']),
    chain('OUTPUT', ['-j DOCKER-NEW']),
    chain('web', ['b']),
    chain('DOCKER', []),
    chain('DOCKER-NEW', ['d']),
  ),
)
const desired = ruleset(table('filter', chain('INPUT', ['a', 'z']), chain('web', ['w'])))

test('a plan depends on the chains that the policy declares, and on no other', () => {
  const { scope } = claim({ live, desired, ownership: DEFAULT_OWNERSHIP })
  expect(scope).toEqual([{ table: 'filter', chains: ['INPUT', 'web'] }])
  expect(scopeDigest(later, scope)).toBe(scopeDigest(live, scope))
})

test.each([
  ['a rule of ours', fullTable('filter', chain('INPUT', ['-j DOCKER']), chain('web', ['b']))],
  ['a rule of theirs among ours', fullTable('filter', chain('INPUT', ['a']), chain('web', ['b']))],
  [
    'a policy',
    fullTable(
      'filter',
      chain('INPUT', ['a', '-j DOCKER'], { policy: 'DROP' }),
      chain('web', ['b']),
    ),
  ],
  ['a chain of ours', fullTable('filter', chain('INPUT', ['a', '-j DOCKER']))],
])('%s that changes makes it stale', (_what, filter) => {
  const { scope } = claim({ live, desired, ownership: DEFAULT_OWNERSHIP })
  expect(scopeDigest(ruleset(filter), scope)).not.toBe(scopeDigest(live, scope))
})

test('in exclusive mode it depends on whole tables, chains to come included', () => {
  const { scope } = claim({ live, desired, ownership: { ...DEFAULT_OWNERSHIP, mode: 'exclusive' } })
  expect(scope).toEqual([{ table: 'filter', chains: 'all' }])
  const more = ruleset(
    ...live.tables.map((one) => ({ ...one, chains: [...one.chains, chain('new')] })),
  )
  expect(scopeDigest(more, scope)).not.toBe(scopeDigest(live, scope))
})

test('the target is carried over to what others have made since', () => {
  const { target, scope } = claim({ live, desired, ownership: DEFAULT_OWNERSHIP })
  const carried = rebase({ live: later, target, scope })
  const again = claim({ live: later, desired, ownership: DEFAULT_OWNERSHIP }).target
  expect(stateText(carried)).toBe(stateText(again))
})

test('without a policy it depends on the chains that change', () => {
  const scope = scopeOf(diffRulesets(live, later))
  expect(scope).toContainEqual({ table: 'nat', chains: ['DOCKER'] })
  expect(stateText(rebase({ live, target: later, scope }))).toBe(stateText(later))
  const nothing: Scope = []
  expect(stateText(rebase({ live, target: later, scope: nothing }))).toBe(stateText(live))
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { claim } from '../../src/plan/claim.ts'
import { diffRulesets } from '../../src/plan/diff.ts'
import { rulesetDigest } from '../../src/plan/state.ts'
import {
  DEFAULT_OWNERSHIP,
  type ForeignPatterns,
  KNOWN_TOOLS,
  type Ownership,
} from '../../src/policy/policy.ts'
import type { Chain, Ruleset } from '../../src/ruleset/model.ts'
import { chain, fullTable, rule, ruleset, table } from './rulesets.ts'

const CHAINS = DEFAULT_OWNERSHIP
const EXCLUSIVE: Ownership = { ...DEFAULT_OWNERSHIP, mode: 'exclusive' }

function filterOf(target: Ruleset, name: string): Chain | undefined {
  return target.tables.find((t) => t.name === 'filter')?.chains.find((c) => c.name === name)
}

/** What becomes of INPUT, as texts. */
function claimedInput(
  live: readonly string[],
  desired: readonly string[],
  foreign: Partial<ForeignPatterns> = {},
) {
  const { target } = claim({
    live: ruleset(fullTable('filter', chain('INPUT', live))),
    desired: ruleset(table('filter', chain('INPUT', desired))),
    ownership: { ...CHAINS, foreign: { ...KNOWN_TOOLS, ...foreign } },
  })
  return filterOf(target, 'INPUT')?.rules.map((r) => r.text)
}

describe('a rule of another tool stays where it stands among ours:', () => {
  test.each([
    ['at the head', ['-j f2b-x', 'a', 'b'], ['a', 'b', 'c'], ['-j f2b-x', 'a', 'b', 'c']],
    ['at the tail', ['a', 'b', '-j ts-input'], ['a', 'b', 'c'], ['a', 'b', 'c', '-j ts-input']],
    ['alone', ['-j DOCKER'], ['a', 'b'], ['-j DOCKER', 'a', 'b']],
    [
      'between rules that stay',
      ['a', '-j DOCKER', 'b'],
      ['a', 'x', 'b'],
      ['a', '-j DOCKER', 'x', 'b'],
    ],
    [
      'behind a rule that is edited',
      ['a', 'old', '-j DOCKER', 'b'],
      ['a', 'new', 'b'],
      ['a', 'new', '-j DOCKER', 'b'],
    ],
    [
      'before a rule that is edited',
      ['a', '-j DOCKER', 'old', 'b'],
      ['a', 'new', 'b'],
      ['a', '-j DOCKER', 'new', 'b'],
    ],
    ['when all of ours goes', ['a', '-j DOCKER', 'b', '-j f2b-x'], [], ['-j DOCKER', '-j f2b-x']],
    ['when ours is replaced', ['a', '-j DOCKER', 'b'], ['x', 'y'], ['x', '-j DOCKER', 'y']],
  ])('%s', (_where, live, desired, expected) => {
    expect(claimedInput(live, desired)).toEqual(expected)
  })

  test('unless the policy has the same rule: then it is ours', () => {
    expect(claimedInput(['-j DOCKER', 'a'], ['a', '-j DOCKER'])).toEqual(['a', '-j DOCKER'])
  })

  test('known by a pattern of the policy', () => {
    expect(claimedInput(['-j vpn-in', '-j other'], [], { chains: ['vpn-*'] })).toEqual([
      '-j vpn-in',
    ])
  })

  test('known by the comment that wg-quick leaves', () => {
    const wg = '-s 10.0.0.0 -m comment --comment "wg-quick(8) rule for wg0" -j DROP'
    expect(claimedInput([wg, 'a'], [])).toEqual([wg])
  })
})

const OWN = ['a', 'b', 'c', 'd']
const FOREIGN = ['-j DOCKER', '-j f2b-x', '-j KUBE-y']
const liveLines = fc.array(fc.constantFrom(...OWN, ...FOREIGN), { maxLength: 10 })
const desiredLines = fc.array(fc.constantFrom(...OWN), { maxLength: 8 })

test('claiming what was claimed changes nothing: no perpetual diffs', () => {
  fc.assert(
    fc.property(liveLines, desiredLines, (live, desired) => {
      const once = claimedInput(live, desired) ?? []
      expect(claimedInput(once, desired)).toEqual(once)
    }),
    { numRuns: 1000 },
  )
})

test('a target holds the desired rules in their order, and all foreign rules in theirs', () => {
  fc.assert(
    fc.property(liveLines, desiredLines, (live, desired) => {
      const target = claimedInput(live, desired) ?? []
      expect(target.filter((text) => !FOREIGN.includes(text))).toEqual(desired)
      expect(target.filter((text) => FOREIGN.includes(text))).toEqual(
        live.filter((text) => FOREIGN.includes(text)),
      )
    }),
    { numRuns: 1000 },
  )
})

test('a foreign rule is never removed, moved or changed', () => {
  fc.assert(
    fc.property(liveLines, desiredLines, (live, desired) => {
      const before = ruleset(fullTable('filter', chain('INPUT', live)))
      const wanted = ruleset(table('filter', chain('INPUT', desired)))
      const { target } = claim({ live: before, desired: wanted, ownership: CHAINS })
      const touched = diffRulesets(before, target).flatMap((change) =>
        'before' in change && 'text' in change.before ? [change.before.text] : [],
      )
      expect(touched.filter((text) => FOREIGN.includes(text))).toEqual([])
    }),
    { numRuns: 1000 },
  )
})

describe('in a table that the policy names', () => {
  const live = ruleset(
    fullTable('nat', chain('POSTROUTING', ['-j MASQUERADE'])),
    fullTable(
      'filter',
      chain('INPUT', ['a'], { policy: 'DROP' }),
      chain('FORWARD', ['-j mine'], { policy: 'DROP' }),
      chain('mine', ['b']),
      chain('DOCKER', ['c']),
    ),
  )
  const desired = ruleset(table('filter', chain('INPUT', ['a']), chain('own', ['z'])))

  test('what the policy does not declare is copied, and named in the plan', () => {
    const { target, unmanaged, diagnostics } = claim({ live, desired, ownership: CHAINS })
    const names = target.tables.find((t) => t.name === 'filter')?.chains.map((c) => c.name)
    expect(names).toEqual(['INPUT', 'FORWARD', 'OUTPUT', 'own', 'mine', 'DOCKER'])
    expect(filterOf(target, 'FORWARD')).toMatchObject({
      policy: 'DROP',
      rules: [{ text: '-j mine' }],
    })
    expect(target.tables[0]).toEqual(live.tables[0])
    expect(unmanaged.tables).toEqual(['nat'])
    expect(unmanaged.chains.map((c) => c.chain)).toEqual(['FORWARD', 'mine', 'DOCKER'])
    expect(diagnostics).toEqual([])
  })

  test('a declared built-in chain without a policy keeps the live one', () => {
    expect(filterOf(claim({ live, desired, ownership: CHAINS }).target, 'INPUT')?.policy).toBe(
      'DROP',
    )
  })

  test('exclusive ownership removes the rest and says so, rule by rule', () => {
    const { target, diagnostics } = claim({ live, desired, ownership: EXCLUSIVE })
    const names = target.tables.find((t) => t.name === 'filter')?.chains.map((c) => c.name)
    expect(names).toEqual(['INPUT', 'FORWARD', 'OUTPUT', 'own'])
    expect(filterOf(target, 'FORWARD')).toMatchObject({ policy: 'DROP', rules: [] })
    expect(diagnostics.map((d) => [d.code, d.severity])).toEqual([
      ['foreign-removed', 'warning'],
      ['undeclared-removed', 'warning'],
      ['undeclared-removed', 'warning'],
    ])
  })

  test('exclusive ownership does not delete a chain that a desired rule jumps to', () => {
    const origin = { file: 'fwctl.yaml', line: 3, column: 5 }
    const jumping = ruleset(
      table('filter', { name: 'INPUT', rules: [{ ...rule('-j DOCKER'), origin }] }),
    )
    const { diagnostics } = claim({ live, desired: jumping, ownership: EXCLUSIVE })
    expect(diagnostics).toContainEqual(
      expect.objectContaining({ code: 'dangling-jump', severity: 'error', ...origin }),
    )
  })
})

test('a table that is not there is a table that is empty and accepts', () => {
  const desired = ruleset(
    table('filter', chain('INPUT', [], { policy: 'ACCEPT' }), chain('OUTPUT', [])),
  )
  const live = ruleset()
  const { target } = claim({ live, desired, ownership: CHAINS })
  expect(diffRulesets(live, target)).toEqual([])
  expect(rulesetDigest(target)).toBe(rulesetDigest(live))
})

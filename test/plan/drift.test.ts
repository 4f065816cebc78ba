import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { claim } from '../../src/plan/claim.ts'
import { findDrift, readBaseline, type Standing } from '../../src/plan/drift.ts'
import { DEFAULT_OWNERSHIP } from '../../src/policy/policy.ts'
import type { Chain, Dialect, Ruleset } from '../../src/ruleset/model.ts'
import { chain, fullTable, ruleset, table } from './rulesets.ts'

const dialect: Dialect = { family: 'ipv4', backend: 'nft', version: [1, 8, 9] }
const ownership = DEFAULT_OWNERSHIP

function declared(...chains: readonly Chain[]): Ruleset {
  return ruleset(table('filter', ...chains))
}

function driftOf(applied: Ruleset, live: Ruleset, policy?: Ruleset) {
  const found = findDrift({
    live,
    dialect,
    baseline: { desired: applied, ownership },
    policy: policy && { ...claim({ desired: policy, live, ownership }), ownership },
  })
  return {
    host: found.items.map(({ change, standing, policy: rival }) => {
      const side = 'after' in change ? change.after : change.before
      const what = 'text' in side ? side.text : `${change.chain}`
      return [change.kind, what, standing, ...(rival ? [rival.kind] : [])]
    }),
    policy: found.policyChanges.map((change) => change.kind),
  }
}

const applied = declared(chain('INPUT', ['a', 'b', 'c'], { policy: 'DROP' }), chain('web', ['w']))
const live = (input: readonly string[], policy: 'ACCEPT' | 'DROP' = 'DROP', ...more: Chain[]) =>
  ruleset(fullTable('filter', chain('INPUT', input, { policy }), chain('web', ['w']), ...more))

describe('who changed what:', () => {
  const same = live(['a', 'b', 'c'])
  const cases: readonly [
    string,
    Ruleset,
    Ruleset,
    readonly (readonly (string | Standing | undefined)[])[],
    readonly string[],
  ][] = [
    ['nobody anything', same, applied, [], []],
    [
      'the policy',
      same,
      declared(chain('INPUT', ['a', 'c', 'd'], { policy: 'DROP' }), chain('web', ['w'])),
      [],
      ['rule-remove', 'rule-add'],
    ],
    [
      'somebody adds a rule',
      live(['x', 'a', 'b', 'c']),
      applied,
      [['rule-add', 'x', 'reverted']],
      [],
    ],
    ['somebody takes one out', live(['a', 'c']), applied, [['rule-remove', 'b', 'reverted']], []],
    ['somebody moves one', live(['b', 'c', 'a']), applied, [['rule-move', 'a', 'reverted']], []],
    [
      'somebody opens a chain',
      live(['a', 'b', 'c'], 'ACCEPT'),
      applied,
      [['policy-change', 'INPUT', 'reverted']],
      [],
    ],
    [
      'both do the same',
      live(['a', 'c', 'x'], 'ACCEPT'),
      declared(chain('INPUT', ['a', 'c', 'x'], { policy: 'ACCEPT' }), chain('web', ['w'])),
      [
        ['policy-change', 'INPUT', 'adopted'],
        ['rule-remove', 'b', 'adopted'],
        ['rule-add', 'x', 'adopted'],
      ],
      [],
    ],
    [
      'each something else',
      live(['a', 'b', 'c', 'x']),
      declared(chain('INPUT', ['a', 'c'], { policy: 'DROP' }), chain('web', ['w', 'v'])),
      [['rule-add', 'x', 'reverted']],
      ['rule-remove', 'rule-add'],
    ],
    [
      'somebody changes a chain that the policy no longer declares',
      ruleset(
        fullTable(
          'filter',
          chain('INPUT', ['a', 'b', 'c'], { policy: 'DROP' }),
          chain('web', ['v']),
        ),
      ),
      declared(chain('INPUT', ['a', 'b', 'c'], { policy: 'DROP' })),
      [
        ['rule-remove', 'w', 'released'],
        ['rule-add', 'v', 'released'],
      ],
      [],
    ],
  ]
  test.each(cases)('%s', (_who, now, policy, host, inPolicy) => {
    expect(driftOf(applied, now, policy)).toEqual({ host, policy: inPolicy })
  })

  test('both change the same rule, in different ways', () => {
    const before = declared(chain('INPUT', ['-s 1 -i eth0 -p tcp -j ACCEPT', 'z']))
    const now = ruleset(fullTable('filter', chain('INPUT', ['-s 1 -i eth0 -p tcp -j DROP', 'z'])))
    const policy = declared(chain('INPUT', ['-s 1 -i eth1 -p tcp -j ACCEPT', 'z']))
    expect(driftOf(before, now, policy)).toEqual({
      host: [['rule-change', '-s 1 -i eth0 -p tcp -j DROP', 'conflict', 'rule-change']],
      policy: ['rule-change'],
    })
  })

  test('without a policy nobody can say what it wants', () => {
    expect(driftOf(applied, live(['a', 'b']))).toEqual({
      host: [['rule-remove', 'c', undefined]],
      policy: [],
    })
  })
})

test('what other tools do in what is theirs is no drift', () => {
  const now = live(['-j f2b-sshd', 'a', '-j ts-input', 'b', 'c'], 'DROP', chain('f2b-sshd', ['x']))
  expect(driftOf(applied, now, applied)).toEqual({ host: [], policy: [] })
})

test('in a declared chain without a policy, the policy is nobody’s business', () => {
  const silent = declared(chain('INPUT', ['a']))
  const now = ruleset(fullTable('filter', chain('INPUT', ['a'], { policy: 'DROP' })))
  expect(driftOf(silent, now, silent)).toEqual({ host: [], policy: [] })
})

test('after an apply there is no drift, whatever was there, and each edit by hand is one', () => {
  const texts = fc.array(fc.constantFrom('a', 'b', 'c', '-j DOCKER', '-j f2b-x'), { maxLength: 8 })
  const own = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 })
  fc.assert(
    fc.property(texts, own, fc.nat(20), (before, wanted, at) => {
      const desired = declared(chain('INPUT', wanted, { policy: 'DROP' }))
      const start = ruleset(fullTable('filter', chain('INPUT', before)))
      const { target } = claim({ desired, live: start, ownership })
      expect(driftOf(desired, target, desired)).toEqual({ host: [], policy: [] })
      const input = target.tables[0]?.chains[0]
      const rules = input?.rules.map((one) => one.text) ?? []
      const edited = rules.toSpliced(at % (rules.length + 1), 0, '-i by-hand')
      const now = ruleset(fullTable('filter', chain('INPUT', edited, { policy: 'DROP' })))
      expect(driftOf(desired, now, desired).host).toEqual([['rule-add', '-i by-hand', 'reverted']])
    }),
    { numRuns: 500 },
  )
})

test('after a rollback, without a policy, all is ours but what is known to be another tool’s', () => {
  const rules = `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:mine - [0:0]
-A INPUT -j mine
-A FORWARD -o docker0 -j DOCKER
-A DOCKER -j RETURN
COMMIT
`
  const { desired } = readBaseline({ rules }, { ownership, dialect })
  expect(desired.tables[0]?.chains.map((one) => [one.name, one.rules.length])).toEqual([
    ['INPUT', 1],
    ['FORWARD', 0],
    ['OUTPUT', 0],
    ['mine', 0],
  ])
  expect(() => readBaseline({ rules: 'nonsense' }, { ownership, dialect })).toThrow(/damaged/)
})

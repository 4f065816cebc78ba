import fc from 'fast-check'
import type { Chain, Ruleset } from '../../src/ruleset/model.ts'
import { chain, counters, fullTable, rule, ruleset } from './rulesets.ts'

const USER_CHAINS = ['aa', 'bb', 'cc', 'dd'] as const
const PLAIN = [
  '-s 1 -j ACCEPT',
  '-s 2 -j ACCEPT',
  '-s 3 -j DROP',
  '-i lo',
  '-p 6 -j LOG',
  '-d 4 -j DOCKER',
]

/** Rulesets of two tables over few rules, so that equal rules, moves and near misses are common. */
export function arbitraryRuleset(): fc.Arbitrary<Ruleset> {
  return fc
    .record({
      filter: arbitraryTable(),
      nat: fc.option(arbitraryTable(), { nil: undefined }),
    })
    .map(({ filter, nat }) =>
      ruleset(
        ...(nat === undefined
          ? []
          : [
              fullTable(
                'nat',
                ...nat.map((c) => (c.name === 'INPUT' ? { ...c, policy: 'ACCEPT' as const } : c)),
              ),
            ]),
        fullTable('filter', ...filter),
      ),
    )
}

function arbitraryTable(): fc.Arbitrary<Chain[]> {
  return fc.subarray([...USER_CHAINS]).chain((users) =>
    fc.tuple(
      builtin(['INPUT'], users),
      builtin(['OUTPUT'], users),
      // A chain jumps only to later ones: no loops.
      ...users.map((name, index) =>
        rulesOver(users.slice(index + 1)).map((lines) => withRules(name, lines)),
      ),
    ),
  )
}

function builtin([name]: readonly [string], users: readonly string[]): fc.Arbitrary<Chain> {
  return fc
    .record({
      lines: rulesOver(users),
      policy: fc.constantFrom('ACCEPT' as const, 'DROP' as const),
      packets: fc.nat(50),
    })
    .map(({ lines, policy, packets }) => ({
      ...withRules(name, lines),
      policy,
      counters: counters(packets),
    }))
}

function rulesOver(users: readonly string[]): fc.Arbitrary<readonly (readonly [string, number])[]> {
  const texts = [...PLAIN, ...users.flatMap((name) => [`-j ${name}`, `-i eth0 -g ${name}`])]
  return fc.array(fc.tuple(fc.constantFrom(...texts), fc.nat(99)), { maxLength: 9 })
}

function withRules(name: string, lines: readonly (readonly [string, number])[]): Chain {
  return { ...chain(name), rules: lines.map(([text, packets]) => rule(text, counters(packets))) }
}

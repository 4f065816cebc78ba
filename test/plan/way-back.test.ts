import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { diffRulesets } from '../../src/plan/diff.ts'
import { rulesetDigest } from '../../src/plan/state.ts'
import { touchedChains } from '../../src/plan/touched.ts'
import { wayBack } from '../../src/plan/way-back.ts'
import { KNOWN_TOOLS } from '../../src/policy/policy.ts'
import type { Chain, Ruleset } from '../../src/ruleset/model.ts'
import { arbitraryRuleset } from './generate.ts'
import { chain, fullTable, rule, ruleset } from './rulesets.ts'

function back(before: Ruleset, after: Ruleset, live: Ruleset): Ruleset {
  const touched = touchedChains(diffRulesets(before, after))
  return wayBack({ before, after, live, touched, foreign: KNOWN_TOOLS })
}

const filter = (...chains: Chain[]): Ruleset => ruleset(fullTable('filter', ...chains))

function lines(state: Ruleset, name: string): string[] | undefined {
  const chains = state.tables.flatMap((one) => one.chains)
  return chains.find((one) => one.name === name)?.rules.map((one) => one.text)
}

test('where nobody did anything since, it is what was before, for any two states', () => {
  fc.assert(
    fc.property(arbitraryRuleset(), arbitraryRuleset(), (before, after) => {
      expect(rulesetDigest(back(before, after, after))).toBe(rulesetDigest(before))
    }),
  )
})

test('what others have added since stays, and without it all is as it was before', () => {
  const others = fc.array(fc.nat(9), { minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(arbitraryRuleset(), arbitraryRuleset(), others, (before, after, places) => {
      const added = rule('-s 9.9.9.9 -j DROP')
      const live = mapChains(after, (one) => {
        if (one.name !== 'INPUT') return one
        const rules = [...one.rules]
        for (const place of places) rules.splice(place % (rules.length + 1), 0, added)
        return { ...one, rules }
      })
      const target = back(before, after, live)
      const kept = target.tables.flatMap((table) =>
        table.chains.flatMap((one) => one.rules.filter((it) => it.key === added.key)),
      )
      const wanted = live.tables.length * places.length
      expect(kept).toHaveLength(wanted)
      const without = mapChains(target, (one) => ({
        ...one,
        rules: one.rules.filter((it) => it.key !== added.key),
      }))
      expect(rulesetDigest(without)).toBe(rulesetDigest(before))
    }),
  )
})

test('cut short half-way, it comes to the same', () => {
  fc.assert(
    fc.property(arbitraryRuleset(), arbitraryRuleset(), (before, after) => {
      const once = back(before, after, after)
      expect(rulesetDigest(back(before, after, once))).toBe(rulesetDigest(before))
    }),
  )
})

describe('what others did since', () => {
  const before = filter(chain('INPUT', ['-s 1 -j ACCEPT', '-s 2 -j ACCEPT'], { policy: 'DROP' }))
  const after = filter(
    chain('INPUT', ['-s 1 -j ACCEPT', '-s 3 -j OURS'], { policy: 'DROP' }),
    chain('OURS', ['-j ACCEPT']),
  )

  test('stays behind its neighbour', () => {
    const live = filter(
      chain('INPUT', ['-s 8 -j DROP', '-s 1 -j ACCEPT', '-s 9 -j DROP', '-s 3 -j OURS']),
      chain('OURS', ['-j ACCEPT']),
    )
    const target = back(before, after, live)
    expect(lines(target, 'INPUT')).toEqual([
      '-s 8 -j DROP',
      '-s 1 -j ACCEPT',
      '-s 9 -j DROP',
      '-s 2 -j ACCEPT',
    ])
    expect(lines(target, 'OURS')).toBeUndefined()
  })

  test('a flush is made good', () => {
    const live = filter(chain('INPUT', [], { policy: 'ACCEPT' }))
    expect(rulesetDigest(back(before, after, live))).toBe(rulesetDigest(before))
  })

  test('what comes back anyway is not there twice', () => {
    const live = filter(
      chain('INPUT', ['-s 1 -j ACCEPT', '-s 2 -j ACCEPT', '-s 3 -j OURS'], { policy: 'DROP' }),
      chain('OURS', ['-j ACCEPT']),
    )
    expect(rulesetDigest(back(before, after, live))).toBe(rulesetDigest(before))
  })

  test('a chain of ours that others jump to by now stays, as it is', () => {
    const live = filter(
      chain('INPUT', ['-s 1 -j ACCEPT', '-s 3 -j OURS'], { policy: 'DROP' }),
      chain('OUTPUT', ['-j OURS']),
      chain('OURS', ['-j ACCEPT']),
    )
    const target = back(before, after, live)
    expect(lines(target, 'OURS')).toEqual(['-j ACCEPT'])
    expect(lines(target, 'OUTPUT')).toEqual(['-j OURS'])
    expect(lines(target, 'INPUT')).toEqual(['-s 1 -j ACCEPT', '-s 2 -j ACCEPT'])
  })

  test('a tool that left meanwhile does not get its jumps back', () => {
    const jump = '-o docker0 -j DOCKER'
    const then = filter(chain('FORWARD', [jump, '-s 1 -j DROP']), chain('DOCKER'))
    const left = filter(chain('FORWARD', [jump, '-s 2 -j DROP']), chain('DOCKER'))
    const live = filter(chain('FORWARD', ['-s 2 -j DROP']))
    expect(lines(back(then, left, live), 'FORWARD')).toEqual(['-s 1 -j DROP'])
    // Also one that our own change had taken away, when its chain is gone by now.
    const pruned = filter(chain('FORWARD', ['-s 2 -j DROP']), chain('DOCKER'))
    expect(lines(back(then, pruned, live), 'FORWARD')).toEqual(['-s 1 -j DROP'])
    expect(lines(back(then, pruned, pruned), 'FORWARD')).toEqual([jump, '-s 1 -j DROP'])
  })

  test('chains that our change did not touch are not looked at', () => {
    const live = filter(
      ...(after.tables[0]?.chains ?? []).filter((one) => one.name !== 'FORWARD'),
      chain('FORWARD', ['-s 7 -j DROP']),
      chain('THEIRS', ['-j RETURN']),
    )
    const target = back(before, after, live)
    expect(lines(target, 'FORWARD')).toEqual(['-s 7 -j DROP'])
    expect(lines(target, 'THEIRS')).toEqual(['-j RETURN'])
  })
})

function mapChains(state: Ruleset, change: (chain: Chain) => Chain): Ruleset {
  return {
    ...state,
    tables: state.tables.map((table) => ({ ...table, chains: table.chains.map(change) })),
  }
}

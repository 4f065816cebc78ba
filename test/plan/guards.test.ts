import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildBatch } from '../../src/plan/batch.ts'
import {
  type GuardedBatch,
  type GuardLimits,
  guardBatch,
  type WrongHit,
  wrongHits,
} from '../../src/plan/guards.ts'
import { rulesetDigest } from '../../src/plan/state.ts'
import type { Dialect, Ruleset } from '../../src/ruleset/model.ts'
import { restore } from '../fake/restore.ts'
import { arbitraryRuleset } from './generate.ts'
import { chain, fullTable, rule, ruleset } from './rulesets.ts'

const dialect: Dialect = { family: 'ipv4', backend: 'nft', version: [1, 8, 9] }

function input(...lines: readonly string[]): Ruleset {
  return ruleset(fullTable('filter', chain('INPUT', lines, { policy: 'ACCEPT' })))
}

function guarded(
  live: Ruleset,
  target: Ruleset,
  byValue = true,
  limits?: GuardLimits,
): GuardedBatch {
  return guardBatch(buildBatch({ live, target, dialect }), live, byValue, limits)
}

/** Everything by number, behind listings of the chains. */
const LISTED: GuardLimits = { searched: 0, passed: 0 }

function linesOf({ lines }: GuardedBatch): readonly string[] {
  return lines.filter((line) => line.chain !== undefined).map((line) => line.text)
}

interface Outcome {
  readonly after: Ruleset
  readonly hits: readonly WrongHit[] | undefined
}

function run({ text, witnesses }: GuardedBatch, live: Ruleset): Outcome {
  const printed: string[] = []
  const after = restore(live, text, {
    backend: 'nft',
    readRule: rule,
    print: (line) => printed.push(line),
  })
  return { after, hits: wrongHits(witnesses, `${printed.join('\n')}\n`) }
}

test('a guarded batch leads where the batch leads, and hits what it is meant to', () => {
  fc.assert(
    fc.property(arbitraryRuleset(), arbitraryRuleset(), fc.boolean(), (live, target, byValue) => {
      for (const limits of [undefined, LISTED]) {
        const { after, hits } = run(guarded(live, target, byValue, limits), live)
        expect(rulesetDigest(after)).toBe(rulesetDigest(target))
        expect(hits).toEqual([])
      }
    }),
    { numRuns: 200 },
  )
})

describe('the lines', () => {
  test('a rule that its chain has once goes by value, also where another takes its place', () => {
    expect(linesOf(guarded(input('-s 1', '-s 2', '-s 3'), input('-s 1', '-s 3')))).toEqual([
      '-D INPUT -s 2',
    ])
    expect(
      linesOf(guarded(input('-s 1', '[5:50] -s 2 -j ACCEPT'), input('-s 1', '-s 2 -j DROP'))),
    ).toEqual(['-D INPUT -s 2 -j ACCEPT', '[5:50] -I INPUT 2 -s 2 -j DROP'])
  })

  test('a rule that has an equal goes by number, behind a line that prints it', () => {
    expect(linesOf(guarded(input('-s 1', '-s 2', '-s 1'), input('-s 1', '-s 2')))).toEqual([
      '-v -S INPUT 3',
      '-D INPUT 3',
    ])
  })

  test('a rule whose value an earlier line writes goes by number', () => {
    const live = input('-s 9 -j ACCEPT', '-s 2 -j DROP', '-s 3')
    const target = input('-s 2 -j DROP', '-s 3')
    const lines = linesOf(guarded(live, target))
    expect(lines).toEqual(['-D INPUT -s 9 -j ACCEPT'])
    const swapped = linesOf(guarded(input('-s 1', '-s 2'), input('-s 2', '-s 1')))
    expect(
      run(guarded(input('-s 1', '-s 2'), input('-s 2', '-s 1')), input('-s 1', '-s 2')),
    ).toEqual(expect.objectContaining({ hits: [] }))
    expect(swapped).toHaveLength(2)
  })

  test('a rule that iptables does not find by its saved text goes by number', () => {
    const recent = '-m recent --set --name x --mask 255.255.255.255 --rsource'
    expect(linesOf(guarded(input(recent), input()))).toEqual(['-v -S INPUT 1', '-D INPUT 1'])
  })

  test('where many rules go by their numbers, their chain is listed once', () => {
    const rules = Array.from({ length: 40 }, (_, index) => `-s ${index}`)
    const lines = linesOf(guarded(input(...rules), input(...rules.slice(2)), true, LISTED))
    expect(lines).toEqual(['-v -S INPUT', '-D INPUT 2', '-D INPUT 1'])
  })

  test('in a chain that is too long to be searched again and again, rules go by number', () => {
    const many = Array.from({ length: 60_000 }, (_, index) => `-s ${index}`)
    const live = input(...many)
    const lines = linesOf(guarded(live, input(...many.slice(2))))
    expect(lines).toEqual(['-D INPUT -s 1', '-v -S INPUT 1', '-D INPUT 1'])
  })
})

/** Somebody's rules, among ours. */
const THEIRS = ['-s 77 -j DOCKER', '-s 88 -j f2b-ssh', '-s 99 -j DROP']

test('whoever inserts or deletes rules of his own at the last moment loses none of them', () => {
  const others = fc.array(
    fc.record({
      rule: fc.constantFrom(...THEIRS),
      at: fc.nat(9),
      deletes: fc.boolean(),
    }),
    { minLength: 1, maxLength: 4 },
  )
  fc.assert(
    fc.property(arbitraryRuleset(), arbitraryRuleset(), others, fc.boolean(), (...given) => {
      const [live, target, edits, isListed] = given
      const batch = guarded(live, target, true, isListed ? LISTED : undefined)
      const meanwhile = interfere(live, edits)
      let outcome: Outcome
      try {
        outcome = run(batch, meanwhile)
      } catch {
        return
      }
      const kept = textsOf(outcome.after)
      const seen = (outcome.hits ?? []).map((hit) => hit.line.replace(/^\[.*?\] -A \S+ /, ''))
      const found = [...kept, ...seen].filter((text) => THEIRS.includes(text)).sort()
      expect(found).toEqual(
        textsOf(meanwhile)
          .filter((text) => THEIRS.includes(text))
          .sort(),
      )
    }),
    { numRuns: 300 },
  )
})

function interfere(
  live: Ruleset,
  edits: readonly { readonly rule: string; readonly at: number; readonly deletes: boolean }[],
): Ruleset {
  const tables = live.tables.map((table) => ({
    ...table,
    chains: table.chains.map((one) => {
      if (one.name !== 'INPUT' || table.name !== 'filter') return one
      const rules = [...one.rules]
      for (const { rule: text, at, deletes } of edits) {
        const index = rules.findIndex((found) => found.text === text)
        if (deletes && index >= 0) rules.splice(index, 1)
        else rules.splice(Math.min(at, rules.length), 0, rule(text))
      }
      return { ...one, rules }
    }),
  }))
  return { ...live, tables }
}

function textsOf(state: Ruleset): readonly string[] {
  return state.tables.flatMap((table) =>
    table.chains.flatMap((one) => one.rules.map((found) => found.text)),
  )
}

describe('what restore printed', () => {
  const witness = {
    table: 'filter',
    chain: 'INPUT',
    position: 2,
    rule: rule('-s 1 -j DROP'),
  } as const

  test('the counters stand before the target, and in front in a save', () => {
    expect(wrongHits([witness], '-A INPUT -s 1 -c 5 50 -j DROP\n')).toEqual([])
    expect(wrongHits([witness], '-A INPUT -s 2 -c 5 50 -j LOG --log-prefix "x -c 1 2"\n')).toEqual([
      { expected: witness, line: '[5:50] -A INPUT -s 2 -j LOG --log-prefix "x -c 1 2"' },
    ])
    expect(wrongHits([witness], '-A INPUT -m comment --comment "a -c 7 8 -j b" -c 5 50\n')).toEqual(
      [{ expected: witness, line: '[5:50] -A INPUT -m comment --comment "a -c 7 8 -j b"' }],
    )
  })

  test('with a line too few or too many nothing can be told', () => {
    expect(wrongHits([witness], '')).toBeUndefined()
    expect(wrongHits([], '-A INPUT -s 1 -c 0 0\n')).toBeUndefined()
  })
})

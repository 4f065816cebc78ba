import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildBatch } from '../../src/plan/batch.ts'
import { diffRulesets } from '../../src/plan/diff.ts'
import { guardBatch } from '../../src/plan/guards.ts'
import { type RehearsalExcerpt, rehearsalExcerpt } from '../../src/plan/rehearsal-excerpt.ts'
import { rehearsalSeed } from '../../src/plan/rehearsal-seed.ts'
import { sameChains, touchedChains } from '../../src/plan/touched.ts'
import type { Dialect, Ruleset } from '../../src/ruleset/model.ts'
import { restore } from '../fake/restore.ts'
import { chain, fullTable, rule, ruleset } from './rulesets.ts'

const dialect: Dialect = { family: 'ipv4', backend: 'nft', version: [1, 8, 9] }

function excerptOf(live: Ruleset, target: Ruleset): RehearsalExcerpt | undefined {
  const touched = touchedChains(diffRulesets(live, target))
  return rehearsalExcerpt({ live, target, touched, batch: buildBatch({ live, target, dialect }) })
}

function filter(...chains: Parameters<typeof chain>[]): Ruleset {
  const [input, ...users] = chains.map((one) => chain(...one))
  return ruleset(fullTable('filter', { ...chain('INPUT', []), ...input, policy: 'DROP' }, ...users))
}

function many(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `-s 10.0.${i >> 8}.${i & 255}/32 -j DROP`)
}

function rulesOf({ tables }: Ruleset, name: string): readonly string[] | undefined {
  const chains = tables.flatMap((table) => table.chains)
  return chains.find((one) => one.name === name)?.rules.map(({ text }) => text)
}

function linesOf(excerpt: RehearsalExcerpt | undefined): readonly string[] | undefined {
  return excerpt?.batch.text.split('\n').slice(1, -2)
}

describe('an excerpt of a long chain', () => {
  test('has the rule that changes, at the number that it has there', () => {
    const rules = many(1000)
    const target = rules.with(499, '-s 9.9.9.9/32 -j ACCEPT')
    const excerpt = excerptOf(filter(['INPUT', rules]), filter(['INPUT', target]))
    expect(linesOf(excerpt)).toEqual(['-R INPUT 1 -s 9.9.9.9/32 -j ACCEPT'])
    expect(excerpt && rulesOf(excerpt.live, 'INPUT')).toEqual([rules[499]])
    expect(excerpt && rulesOf(excerpt.target, 'INPUT')).toEqual(['-s 9.9.9.9/32 -j ACCEPT'])
  })

  test('has rules that go and rules that come in the order that they have in the chain', () => {
    const rules = many(1000)
    const target = rules.toSpliced(900, 1).toSpliced(100, 0, '-s 1 -j a', '-s 2 -j b')
    const excerpt = excerptOf(filter(['INPUT', rules]), filter(['INPUT', [...target, '-s 3']]))
    expect(linesOf(excerpt)).toEqual([
      '-D INPUT 1',
      '-I INPUT 1 -s 1 -j a',
      '-I INPUT 2 -s 2 -j b',
      '-A INPUT -s 3',
    ])
  })

  test('keeps all jumps, and counts them', () => {
    const rules = [...many(300), '-j a', ...many(600).slice(300)]
    const target = rules.with(450, '-s 9.9.9.9/32')
    const excerpt = excerptOf(filter(['INPUT', rules], ['a']), filter(['INPUT', target], ['a']))
    expect(linesOf(excerpt)).toEqual(['-R INPUT 2 -s 9.9.9.9/32'])
    expect(excerpt && rulesOf(excerpt.live, 'INPUT')).toEqual(['-j a', rules[450]])
  })
})

describe('an excerpt keeps rules that stay', () => {
  test('where iptables might take them for one that goes', () => {
    const v6 = (length: number): string => `-s 2001:db8::/${length} -j DROP`
    const rules = [v6(32), ...many(300), v6(48)]
    const excerpt = excerptOf(filter(['INPUT', rules]), filter(['INPUT', rules.slice(0, -1)]))
    expect(excerpt && rulesOf(excerpt.live, 'INPUT')).toEqual([v6(32), v6(48)])
  })

  test('that the kernel has not seen, and the one that hides them', () => {
    const rules = [...many(300), '-j ACCEPT', '-s 1 -j DROP', '-s 2 -j DROP']
    const target = rules.with(7, '-s 9')
    const excerpt = excerptOf(filter(['INPUT', rules]), filter(['INPUT', target]))
    const hidden = ['-j ACCEPT', '-s 1 -j DROP', '-s 2 -j DROP']
    expect(excerpt && rulesOf(excerpt.live, 'INPUT')).toEqual([rules[7], ...hidden])
  })
})

describe('there is no excerpt', () => {
  test('of chains that are loaded as fast as they are', () => {
    const rules = many(150)
    const target = rules.with(20, '-s 9.9.9.9/32')
    expect(excerptOf(filter(['INPUT', rules]), filter(['INPUT', target]))).toBeUndefined()
  })

  test('of a chain to which there is a new way', () => {
    const rules = many(500)
    const users = (changed: readonly string[]): Parameters<typeof chain>[] => [
      ['a', ['-j b']],
      ['b', [...changed]],
    ]
    const live = filter(['INPUT', []], ...users(rules))
    const target = filter(['INPUT', ['-j a']], ...users(rules.with(7, '-s 9.9.9.9/32')))
    expect(excerptOf(live, target)).toBeUndefined()
  })

  test('where several tables change', () => {
    const rules = many(500)
    const nat = (policy: 'ACCEPT' | 'DROP') => fullTable('nat', chain('OUTPUT', [], { policy }))
    const [live, target] = [
      ruleset(fullTable('filter', chain('INPUT', rules, { policy: 'DROP' })), nat('ACCEPT')),
      ruleset(
        fullTable('filter', chain('INPUT', rules.with(7, '-s 9'), { policy: 'DROP' })),
        nat('DROP'),
      ),
    ]
    expect(excerptOf(live, target)).toBeUndefined()
  })

  test('where rules are compared by a name that they share', () => {
    const rules = many(500)
    const shared = '-m rateest --rateest x -j DROP'
    const [live, target] = [rules, rules.with(7, '-s 9.9.9.9/32')].map((lines) =>
      filter(['INPUT', [...lines, shared]]),
    ) as [Ruleset, Ruleset]
    expect(excerptOf(live, target)).toBeUndefined()
  })
})

test('an excerpt of a batch leads from an excerpt of what is live to that of its target, guarded or not', () => {
  const text = fc.oneof(
    { weight: 20, arbitrary: fc.nat(600).map((i) => `-s 10.0.${i % 7}.${i % 251}/32 -j DROP`) },
    { weight: 1, arbitrary: fc.constantFrom('-i lo -j ACCEPT', '-j aa', '-s 10.0.0.0/8 -j aa') },
  )
  const base = fc.array(text, { minLength: 230, maxLength: 320 })
  const edits = fc.array(
    fc.record({
      at: fc.nat(320),
      kind: fc.constantFrom('replace', 'insert', 'delete', 'move'),
      text,
    }),
    { minLength: 1, maxLength: 9 },
  )
  const edited = (
    rules: readonly string[],
    done: readonly { at: number; kind: string; text: string }[],
  ) =>
    done.reduce((now, { at, kind, text }) => {
      const index = at % now.length
      if (kind === 'replace') return now.with(index, text)
      if (kind === 'insert') return now.toSpliced(index, 0, text)
      if (kind === 'delete') return now.toSpliced(index, 1)
      return now.toSpliced(index, 1).toSpliced((index * 7) % now.length, 0, now[index] as string)
    }, rules)
  let excerpts = 0
  fc.assert(
    fc.property(base, edits, fc.boolean(), fc.boolean(), (rules, done, byValue, isAnew) => {
      const costs = isAnew ? { read: () => 1000, edit: () => 0, write: 0 } : undefined
      const state = (lines: readonly string[]): Ruleset =>
        filter(['INPUT', [...lines]], ['aa', ['-s 1']])
      const [live, target] = [state(rules), state(edited(rules, done))]
      const batch = buildBatch({ live, target, dialect, ...(costs && { costs }) })
      const changed = touchedChains(diffRulesets(live, target))
      const excerpt = rehearsalExcerpt({ live, target, touched: changed, batch })
      if (excerpt === undefined) return
      excerpts++
      const touched = touchedChains(diffRulesets(live, target))
      const seed = rehearsalSeed({ ...excerpt, touched })
      for (const { text } of [excerpt.batch, guardBatch(excerpt.batch, excerpt.live, byValue)]) {
        const run = { backend: 'nft', readRule: rule, print: () => undefined } as const
        const after = restore(seed, text, run)
        expect(sameChains(after, excerpt.target, touched)).toBe(true)
      }
      // Every rule that the batch writes or hits is in it.
      const written = (batch: RehearsalExcerpt['batch']) =>
        batch.lines.map((line) => line.rule?.text)
      expect(written(excerpt.batch)).toEqual(written(batch))
    }),
    { numRuns: 150 },
  )
  expect(excerpts).toBeGreaterThan(100)
})

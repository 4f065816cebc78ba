import { describe, expect, test } from 'vitest'
import { guardBatch } from '../../src/plan/guards.ts'
import { makePlan } from '../../src/plan/plan.ts'
import { rehearsalExcerpt } from '../../src/plan/rehearsal-excerpt.ts'
import { rehearsalSeed } from '../../src/plan/rehearsal-seed.ts'
import { touchedChains } from '../../src/plan/touched.ts'
import type { Dialect, Rule, Ruleset } from '../../src/ruleset/model.ts'
import { chain, fullTable, rule, ruleset } from './rulesets.ts'

const dialect: Dialect = { family: 'ipv4', backend: 'nft', version: [1, 8, 9] }

/** How often anything is asked of a rule: its text, its key, what it means. */
interface Counts {
  text: number
  key: number
  spec: number
}

function counted(lines: readonly string[], counts: Counts): readonly Rule[] {
  return lines.map((line) => {
    const real = rule(line)
    return {
      get text() {
        counts.text++
        return real.text
      },
      get key() {
        counts.key++
        return real.key
      },
      get spec() {
        counts.spec++
        return real.spec
      },
    }
  })
}

type Edit = (lines: readonly string[]) => readonly string[]

/** Chains of 50 that INPUT jumps to, or one long chain; each edited. */
function rulesetOf(
  lines: readonly string[],
  {
    inOne,
    edit,
    counts,
  }: { readonly inOne: boolean; readonly edit: Edit; readonly counts: Counts },
): Ruleset {
  const size = inOne ? lines.length : 50
  const users = Array.from({ length: Math.ceil(lines.length / size) }, (_, index) => ({
    ...chain(`c${index}`),
    rules: counted(edit(lines.slice(index * size, (index + 1) * size)), counts),
  }))
  const input = chain('INPUT', [], { policy: 'DROP' })
  const jumps = users.map(({ name }) => `-j ${name}`)
  return ruleset(fullTable('filter', { ...input, rules: counted(jumps, counts) }, ...users))
}

const SAME: Edit = (lines) => lines

/** What is done to each chain. */
const CHANGES: Readonly<Record<string, Edit>> = {
  'nothing differs': SAME,
  'one rule of the first chain differs': (lines) =>
    lines.map((line) => (line.startsWith('-s 7 ') ? `${line} -d 9` : line)),
  'a few rules differ': (lines) => lines.map((line, i) => (i % 50 === 7 ? `${line} -d 9` : line)),
  'each tenth is gone': (lines) => lines.filter((_, i) => i % 10 !== 3),
  'all is in another order': (lines) =>
    lines.map((_, i) => lines[(i * 7919) % lines.length] as string),
  'all is new': (lines) => lines.map((line) => `${line} -d 9`),
}

/** Everything from live and desired rules to what is run, and what it is rehearsed on. */
function work(count: number, change: keyof typeof CHANGES, inOne: boolean): Counts {
  const counts: Counts = { text: 0, key: 0, spec: 0 }
  const lines = Array.from({ length: count }, (_, index) => `-s ${index} -p ${index % 7} -j ACCEPT`)
  const live = rulesetOf(lines, { inOne, edit: SAME, counts })
  const desired = rulesetOf(lines, { inOne, edit: CHANGES[change] ?? SAME, counts })
  const plan = makePlan({ families: [{ dialect, live, desired }] })
  for (const { changes, batch, target } of plan.families) {
    guardBatch(batch, live)
    const touched = touchedChains(changes)
    rehearsalSeed({ live, target, touched })
    rehearsalExcerpt({ live, target, touched, batch })
  }
  return counts
}

describe.each([
  ['in chains of 50', false],
  ['in one chain', true],
])('rules %s', (_where, inOne) => {
  test.each(Object.keys(CHANGES))('when %s, the work grows as the rules do', (change) => {
    const [one, two, four] = [500, 1000, 2000].map((count) => work(count, change, inOne)) as [
      Counts,
      Counts,
      Counts,
    ]
    for (const what of ['text', 'key', 'spec'] as const) {
      // A tenth more for how the changes happen to fall. Quadratic would be sixteen times.
      expect(two[what], what).toBeLessThanOrEqual(2.2 * one[what] + 50)
      expect(four[what], what).toBeLessThanOrEqual(4.4 * one[what] + 100)
    }
  })

  test('nothing is read of rules that are the same', () => {
    const { key, spec, text } = work(2000, 'nothing differs', inOne)
    expect({ key, spec }).toEqual({ key: 0, spec: 0 })
    expect(text).toBeLessThan(40 * 2000)
  })

  test('for one rule that differs, next to nothing', () => {
    const { key, spec } = work(2000, 'one rule of the first chain differs', inOne)
    expect(key).toBeLessThan(100)
    expect(spec).toBeLessThan(100)
  })
})

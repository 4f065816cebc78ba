import fc from 'fast-check'
import { expect, test } from 'vitest'
import { longestCommonSubsequence, type Pair } from '../../src/plan/lcs.ts'

const words = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 })

test('the pairs are equal elements in ascending order, as many as there can be', () => {
  fc.assert(
    fc.property(words, words, (a, b) => {
      const pairs = longestCommonSubsequence(a, b)
      expectCommonSubsequence(a, b, pairs)
      expect(pairs.length).toBe(lengthByTable(a, b))
    }),
    { numRuns: 1000 },
  )
})

test('a chain of one rule over and over is aligned in bounded time', () => {
  const a = Array.from({ length: 10_000 }, (_, index) => (index % 3 === 0 ? `a${index}` : 'same'))
  const b = Array.from({ length: 10_000 }, (_, index) => (index % 5 === 0 ? `b${index}` : 'same'))
  const pairs = longestCommonSubsequence(a, b)
  expectCommonSubsequence(a, b, pairs)
  expect(pairs.length).toBeGreaterThan(6000)
}, 5000)

test('a reversed chain of 10,000 rules is aligned in bounded time', () => {
  const a = Array.from({ length: 10_000 }, (_, index) => `${index}`)
  expect(longestCommonSubsequence(a, a.toReversed())).toHaveLength(1)
}, 5000)

function expectCommonSubsequence(a: readonly string[], b: readonly string[], pairs: Pair[]): void {
  let before: Pair = [-1, -1]
  for (const [i, j] of pairs) {
    expect(a[i]).toBe(b[j])
    expect(i > before[0] && j > before[1]).toBe(true)
    before = [i, j]
  }
}

/** The textbook way: quadratic, and plainly right. */
function lengthByTable(a: readonly string[], b: readonly string[]): number {
  const rows = [...a, ''].map(() => [...b, ''].map(() => 0))
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const row = rows[i] as number[]
      const next = rows[i + 1] as number[]
      row[j] =
        a[i] === b[j]
          ? 1 + (next[j + 1] as number)
          : Math.max(next[j] as number, row[j + 1] as number)
    }
  }
  return rows[0]?.[0] ?? 0
}

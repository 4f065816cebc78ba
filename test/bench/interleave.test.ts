import { expect, test } from 'vitest'
import { interleave, type Participant } from '../../bench/interleave.ts'
import type { Measurement } from '../../bench/room.ts'
import { costOf, spreadOf } from '../../bench/statistics.ts'

const NOTHING: Measurement = { wallMs: 1, cpuMs: 1, peakMb: 1 }

function recorder(): { readonly order: string[]; readonly as: (name: string) => Participant } {
  const order: string[] = []
  const as = (name: string): Participant => ({
    prepare: (round) => order.push(`(${name}${round})`),
    run: async (round) => {
      order.push(`${name}${round}`)
      return NOTHING
    },
  })
  return { order, as }
}

test('all run in turn, each round begins with another one, and warm-ups do not count', async () => {
  const { order, as } = recorder()
  const participants = { a: as('a'), b: as('b'), absent: undefined }
  const measured = await interleave(participants, { runs: 2, budgetMs: 60_000 })
  expect(order.filter((entry) => !entry.startsWith('('))).toEqual([
    'a0',
    'b0',
    'b1',
    'a1',
    'a2',
    'b2',
  ])
  expect(order.slice(0, 4)).toEqual(['(a0)', 'a0', '(b0)', 'b0'])
  expect([...measured].map(([name, taken]) => [name, taken.length])).toEqual([
    ['a', 2],
    ['b', 2],
  ])
})

test('when the time is used up, three runs are made all the same', async () => {
  const { as } = recorder()
  const measured = await interleave({ a: as('a') }, { runs: 50, budgetMs: -1 })
  expect(measured.get('a')).toHaveLength(3)
})

test('who takes too long runs once, without a warm-up', async () => {
  const { order, as } = recorder()
  const slow = { ...as('slow'), once: true as const }
  const measured = await interleave({ a: as('a'), slow }, { runs: 4, budgetMs: 60_000 })
  expect(measured.get('slow')).toHaveLength(1)
  expect(order.filter((entry) => entry.startsWith('slow'))).toEqual(['slow1'])
})

test('a spread is the median and the quartiles', () => {
  expect(spreadOf([5, 1, 3])).toEqual({ median: 3, low: 2, high: 4 })
  expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, low: 1.75, high: 3.25 })
  expect(spreadOf([7])).toEqual({ median: 7, low: 7, high: 7 })
  expect(() => spreadOf([])).toThrow('nothing was measured')
})

test('a cost has the spread of each figure', () => {
  const cost = costOf([
    { wallMs: 1, cpuMs: 10, peakMb: 100 },
    { wallMs: 3, cpuMs: 30, peakMb: 300 },
  ])
  expect(cost.runs).toBe(2)
  expect(cost.wallMs.median).toBe(2)
  expect(cost.cpuMs.median).toBe(20)
  expect(cost.peakMb.median).toBe(200)
})

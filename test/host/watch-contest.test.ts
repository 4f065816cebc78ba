import { expect, test } from 'vitest'
import { newContest } from '../../src/host/watch-contest.ts'

const MINUTE = 60_000
const WINDOW = 10 * MINUTE
const contest = () =>
  newContest({ limit: 3, windowMs: WINDOW, firstDelayMs: 1000, random: () => 0 })

test('the first repair comes at once, each further one waits twice as long', () => {
  const one = contest()
  expect(one.isLeft('INPUT', 0)).toBe(false)
  expect(one.repair(['INPUT'], 0)).toEqual([])
  expect(one.isLeft('INPUT', 999)).toBe(true)
  expect(one.isLeft('INPUT', 1000)).toBe(false)
  expect(one.isLeft('FORWARD', 1)).toBe(false)
  one.repair(['INPUT'], 1000)
  expect(one.nextTry(1000)).toBe(3000)
})

test('a chain that is undone as often as the limit is left alone for the window', () => {
  const one = contest()
  for (const now of [0, 2000, 5000]) expect(one.repair(['INPUT'], now)).toEqual([])
  expect(one.repair(['FORWARD', 'INPUT'], 10_000)).toEqual(['INPUT'])
  expect(one.isLeft('INPUT', 10_000 + WINDOW - 1)).toBe(true)
  expect(one.isLeft('INPUT', 10_000 + WINDOW)).toBe(false)
})

test('after a fight it gets one try; undone again, it is left alone for twice as long', () => {
  const one = contest()
  for (const now of [0, 2000, 5000]) one.repair(['INPUT'], now)
  one.repair(['INPUT'], 10_000)
  const again = 10_000 + WINDOW
  expect(one.repair(['INPUT'], again)).toEqual([])
  expect(one.repair(['INPUT'], again + 2000)).toEqual(['INPUT'])
  expect(one.isLeft('INPUT', again + 2000 + 2 * WINDOW - 1)).toBe(true)
})

test('a chain that kept the peace for a window starts afresh', () => {
  const one = contest()
  for (const now of [0, 2000, 5000, 10_000]) one.repair(['INPUT'], now)
  const later = 10_000 + 3 * WINDOW
  for (const now of [0, 2000, 5000]) expect(one.repair(['INPUT'], later + now)).toEqual([])
  expect(one.repair(['INPUT'], later + 10_000)).toEqual(['INPUT'])
})

test('repairs that are far apart are no fight', () => {
  const one = contest()
  for (let now = 0; now < 100 * WINDOW; now += WINDOW) {
    expect(one.repair(['INPUT'], now)).toEqual([])
    expect(one.nextTry(now)).toBe(now + 1000)
  }
})

test('jitter only ever adds to a delay', () => {
  const one = newContest({ limit: 3, windowMs: WINDOW, firstDelayMs: 1000, random: () => 0.999 })
  one.repair(['INPUT'], 0)
  expect(one.nextTry(0)).toBeGreaterThan(1400)
  expect(one.nextTry(0)).toBeLessThan(1500)
})

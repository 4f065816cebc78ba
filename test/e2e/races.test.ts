import { expect, test } from 'vitest'
import { BACKENDS } from './namespace.ts'
import { race } from './races.ts'

test.each(BACKENDS)(
  'a racing writer on %s loses no rule, and every apply is verified or refused',
  async (backend) => {
    const { faults, applied, unchanged, refused } = await race({ backend, applies: 20, seed: 1 })
    expect(faults).toEqual([])
    const others = Object.values(refused).reduce((sum, count) => sum + count, 0)
    expect(applied + unchanged + others).toBe(20)
    expect(applied).toBeGreaterThan(10)
  },
)

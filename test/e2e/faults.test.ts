import { expect, test } from 'vitest'
import { campaign } from '../faults/campaign.ts'
import { BACKENDS } from './namespace.ts'

/** A share of the whole: `npm run faults -- --runs 500`. */
const RUNS = 12

test.each(BACKENDS)(
  'whatever fails at whatever step of an apply on %s, the next run leaves the old rules or the new ones',
  async (backend) => {
    const { faults, runs } = await campaign({ backend, runs: RUNS, seed: 20_261_122 })
    expect(faults).toEqual([])
    expect(runs).toBe(RUNS)
  },
)

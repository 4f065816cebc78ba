import { expect, test } from 'vitest'
import { BACKENDS } from './namespace.ts'
import { applyUnderTraffic } from './traffic-campaign.ts'

/** A share of the whole: `npm run traffic -- --applies 100`. */
const APPLIES = 16

test.each(BACKENDS)(
  'while policies are applied on %s, no accepted packet is lost and no denied one gets through',
  async (backend) => {
    const { faults, applied, client } = await applyUnderTraffic({ backend, applies: APPLIES })

    expect(faults).toEqual([])
    expect(applied).toBe(APPLIES)
    for (const count of Object.values(client.sent)) expect(count).toBeGreaterThan(APPLIES)
  },
)

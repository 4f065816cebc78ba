import { rmSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { findDisagreements } from '../host/iptables/random-calls.ts'
import { KERNELS, scratchNamespace } from './namespace.ts'
import { withOwnLock } from './own-lock.ts'

const LOCK = `/tmp/fwctl-client-fuzz-test-${process.pid}.lock`
afterAll(() => rmSync(LOCK, { force: true }))

test.each(KERNELS)(
  '%s %s: the fake gives the results, the reasons and the rules that the kernel gives',
  async (backend, family) => {
    await using scratch = await scratchNamespace()
    const { disagreements, outcomes } = await findDisagreements({
      executor: withOwnLock(scratch.executor, LOCK),
      backend,
      family,
      // A bounded share of `npm run fuzz:client`.
      sequences: 10,
      callsEach: 20,
      seed: 20261122,
    })
    expect(disagreements).toEqual([])
    expect(Object.keys(outcomes).length).toBeGreaterThan(40)
  },
)

/** A policy on a fresh host. */
import { rmSync } from 'node:fs'
import { type BenchCase, type Bounds, compare } from '../case.ts'
import { policyYaml } from '../languages/policy.ts'
import { RULESETS } from '../rulesets/kinds.ts'
import { fullRestore, nodeStart, rawRoom, save } from './floors.ts'
import { openManagedRoom } from './managed-room.ts'
import { type Place, placeId } from './place.ts'

export const EMPTY_FILTER =
  '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n'

/** Into an empty table, without a state directory; of rulesets in the filter table. */
export function firstLoad(place: Place, bounds?: Bounds<'B' | 'S' | 'F' | 'fwctl'>): BenchCase {
  const { backend, rules, kind = 'mixed' } = place
  return {
    place,
    id: placeId('first-load', place),
    title: 'first load into an empty table',
    run: async ({ main, ...rounds }) => {
      const ruleset = RULESETS[kind](rules)
      await using loaded = await rawRoom(backend, ruleset)
      await using raw = await rawRoom(backend, ruleset)
      await using room = await openManagedRoom({ main, backend })
      const path = room.write('policy.yaml', policyYaml(ruleset))
      return await compare(
        {
          B: nodeStart(loaded),
          S: save(loaded, backend),
          F: {
            prepare: () => raw.run([`iptables-${backend}-restore`], EMPTY_FILTER),
            ...fullRestore(raw, backend, [ruleset]),
          },
          fwctl: {
            prepare: async () => {
              await room.run([`iptables-${backend}-restore`], EMPTY_FILTER)
              rmSync(room.stateDir, { recursive: true, force: true })
            },
            run: () => room.measure(room.fwctl('apply', path)),
          },
        },
        { ...rounds, bounds },
      )
    },
  }
}

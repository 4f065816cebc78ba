/** `apply` of one rule that is another one, back and forth, with all the safety there is. */
import { type BenchCase, type Bounds, compare } from '../case.ts'
import type { Participant } from '../interleave.ts'
import { policyYaml } from '../languages/policy.ts'
import { openFerm } from '../peers/ferm.ts'
import { openShorewall } from '../peers/shorewall.ts'
import { openUfw } from '../peers/ufw.ts'
import { edited, editsOf } from '../rulesets/edit.ts'
import { RULESETS } from '../rulesets/kinds.ts'
import { fullRestore, minimalDelta, nodeStart, rawRoom, save } from './floors.ts'
import { assertInSync, openManagedRoom } from './managed-room.ts'
import { type Place, placeId } from './place.ts'

export function applyOne(
  place: Place,
  bounds?: Bounds<'B' | 'S' | 'D' | 'F' | 'ferm' | 'shorewall' | 'ufw' | 'fwctl'>,
): BenchCase {
  const { backend, rules, kind = 'mixed' } = place
  return {
    place,
    id: placeId('apply-one', place),
    title: 'apply of one changed rule, rehearsed, with snapshot and verification',
    run: async ({ main, ...rounds }) => {
      const before = RULESETS[kind](rules)
      const edits = editsOf(before, 1)
      const states = [edited(before, edits), before]
      await using raw = await rawRoom(backend, before)
      await using room = await openManagedRoom({ main, backend, policy: policyYaml(before) })
      await using ferm = await openFerm(backend, states)
      // They know hosts, ports and zones, but no chains.
      const isSimple = kind === 'services'
      await using shorewall = isSimple ? await openShorewall(backend, states) : undefined
      await using ufw = isSimple ? await openUfw(backend, before) : undefined
      const paths = states.map((state, i) => room.write(`${i}.yaml`, policyYaml(state)))
      const policy = (round: number): string => paths[round % paths.length] ?? ''
      const fwctl: Participant = {
        run: (round) => room.measure(room.fwctl('apply', policy(round))),
      }
      // Both policies have to have been seen once.
      const warmUps = 2
      const outcome = await compare(
        {
          B: nodeStart(raw),
          S: save(raw, backend),
          D: minimalDelta(raw, backend, { ruleset: before, edits }),
          F: fullRestore(raw, backend, states),
          ferm,
          shorewall,
          ufw,
          fwctl,
        },
        { ...rounds, warmUps, bounds },
      )
      await assertInSync(room, policy(warmUps + (outcome.costs.fwctl?.runs ?? 0) - 1))
      return outcome
    },
  }
}

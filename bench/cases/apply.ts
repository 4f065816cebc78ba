/** `apply` of one rule that is another one, back and forth, with all the safety there is. */
import { type BenchCase, type Bound, compare, type Medians } from '../case.ts'
import type { Participant } from '../interleave.ts'
import { policyYaml } from '../languages/policy.ts'
import { openFerm } from '../peers/ferm.ts'
import { edited, editsOf } from '../rulesets/edit.ts'
import { RULESETS } from '../rulesets/kinds.ts'
import { fullRestore, minimalDelta, nodeStart, rawRoom, save } from './floors.ts'
import { assertInSync, openManagedRoom } from './managed-room.ts'
import { type Place, placeId } from './place.ts'

type ApplyMedians = Medians<'B' | 'S' | 'D' | 'F' | 'ferm' | 'fwctl'>

export function applyOne(
  place: Place,
  bounds?: (medians: ApplyMedians) => readonly Bound[],
): BenchCase {
  const { backend, rules, kind = 'mixed' } = place
  return {
    id: placeId('apply-one', place),
    title: 'apply of one changed rule, rehearsed, with snapshot and verification',
    run: async ({ runs, main }) => {
      const before = RULESETS[kind](rules)
      const edits = editsOf(before, 1)
      const states = [edited(before, edits), before]
      await using raw = await rawRoom(backend, before)
      await using room = await openManagedRoom({ main, backend, policy: policyYaml(before) })
      await using ferm = await openFerm(backend, states)
      const paths = states.map((state, i) => room.write(`${i}.yaml`, policyYaml(state)))
      const policy = (round: number): string => paths[round % paths.length] ?? ''
      const fwctl: Participant = {
        run: (round) => room.measure(room.fwctl('apply', policy(round), '--rehearse', 'required')),
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
          fwctl,
        },
        { runs, warmUps, bounds },
      )
      await assertInSync(room, policy(warmUps + runs - 1))
      return outcome
    },
  }
}

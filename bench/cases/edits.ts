/** Many edits at once in one long chain, where the form of the batch decides. */

import { parseLive } from '../../src/host/live.ts'
import { planFromPolicy } from '../../src/plan/from-policy.ts'
import { guardBatch } from '../../src/plan/guards.ts'
import { parsePolicy } from '../../src/policy/parse.ts'
import type { Backend, Dialect } from '../../src/ruleset/model.ts'
import { type BenchCase, type Bounds, compare } from '../case.ts'
import type { Participant } from '../interleave.ts'
import { EDIT_FORMS, type EditForm } from '../languages/iptables.ts'
import { policyYaml } from '../languages/policy.ts'
import type { Room } from '../room.ts'
import { edited, editsOf, reversed } from '../rulesets/edit.ts'
import { RULESETS } from '../rulesets/kinds.ts'
import type { BenchRuleset } from '../rulesets/ruleset.ts'
import { rawRoom, restore } from './floors.ts'
import { openManagedRoom } from './managed-room.ts'
import { type Place, placeId } from './place.ts'

export function edits(
  place: Place,
  count: number,
  bounds?: Bounds<EditForm | "fwctl's batch" | 'fwctl'>,
): BenchCase {
  const { backend, rules } = place
  return {
    place,
    id: placeId(`edits-${count}`, { ...place, kind: 'one-chain' }),
    title: `${count} rules changed in one chain: the forms that a batch can have, and fwctl's`,
    run: async ({ main, ...rounds }) => {
      const before = RULESETS['one-chain'](rules)
      const there = editsOf(before, count)
      const after = edited(before, there)
      await using managed = await openManagedRoom({ main, backend, policy: policyYaml(before) })
      await using replacing = await rawRoom(backend, before)
      await using deleting = await rawRoom(backend, before)
      await using rewriting = await rawRoom(backend, before)
      await using planned = await rawRoom(backend, before)
      const form = (name: EditForm, room: Room): Participant => {
        const back = EDIT_FORMS[name](after, reversed(there))
        return restore(room, name, restoring(backend), [EDIT_FORMS[name](before, there), back])
      }
      const batches = await fwctlBatches(planned, backend, [after, before])
      const paths = [after, before].map((state, i) => managed.write(`${i}.yaml`, policyYaml(state)))
      return await compare(
        {
          '-R': form('-R', replacing),
          '-D -I': form('-D -I', deleting),
          rewrite: form('rewrite', rewriting),
          "fwctl's batch": restore(planned, 'batch', restoring(backend), batches),
          fwctl: {
            run: (round) => managed.measure(managed.fwctl('apply', paths[round % 2] ?? '')),
          },
        },
        { ...rounds, warmUps: 2, bounds },
      )
    },
  }
}

function restoring(backend: Backend): readonly string[] {
  return [`iptables-${backend}-restore`, '--noflush', '--counters']
}

/** From one state to the next. */
async function fwctlBatches(
  room: Room,
  backend: Backend,
  states: readonly BenchRuleset[],
): Promise<readonly string[]> {
  const batches: string[] = []
  for (const state of states) {
    const batch = await fwctlBatch(room, backend, state)
    await room.run(restoring(backend), batch)
    batches.push(batch)
  }
  return batches
}

/** What fwctl has iptables-restore read, from what is in the room to a ruleset; on nft with guards. */
async function fwctlBatch(room: Room, backend: Backend, goal: BenchRuleset): Promise<string> {
  const dialect: Dialect = { family: 'ipv4', backend, version: [1, 8, 9] }
  const dump = await room.run([`iptables-${backend}-save`, '-c'])
  const live = parseLive(dump, { family: 'ipv4', dialect, file: 'live' })
  const { plan } = planFromPolicy(parsePolicy(policyYaml(goal)), { ipv4: live })
  const batch = plan?.families[0]?.batch
  if (batch === undefined || batch.text === '') throw new Error('fwctl has no batch for the edits')
  return (backend === 'nft' ? guardBatch(batch, live.ruleset) : batch).text
}

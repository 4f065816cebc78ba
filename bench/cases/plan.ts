/** `plan` when nothing is to do: what runs every few minutes, everywhere. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type BenchCase, type Bounds, compare } from '../case.ts'
import type { Participant } from '../interleave.ts'
import { policyJson, policyYaml } from '../languages/policy.ts'
import type { Room } from '../room.ts'
import { RULESETS } from '../rulesets/kinds.ts'
import { nodeStart, save } from './floors.ts'
import { openManagedRoom } from './managed-room.ts'
import { type Place, placeId } from './place.ts'

/** With the policy read before. */
export function planInSync(place: Place, bounds?: Bounds<'B' | 'S' | 'fwctl'>): BenchCase {
  const { backend, rules, kind = 'mixed' } = place
  return {
    place,
    id: placeId('plan-sync', place),
    title: 'plan in sync, policy cached',
    run: async ({ main, ...rounds }) => {
      const policy = policyYaml(RULESETS[kind](rules))
      await using room = await openManagedRoom({ main, backend, policy })
      const plan = room.fwctl('plan', room.write('policy.yaml', policy))
      return await compare(
        {
          B: nodeStart(room),
          S: save(room, backend),
          fwctl: { run: () => room.measure(plan) },
        },
        { ...rounds, bounds },
      )
    },
  }
}

/** With a policy that fwctl has not seen before: a comment in it is another one each time. */
export function planCold(
  place: Place,
  bounds?: Bounds<'B' | 'S' | 'yaml' | 'fwctl' | 'fwctl, JSON'>,
): BenchCase {
  const { backend, rules, kind = 'mixed' } = place
  return {
    place,
    id: placeId('plan-cold', place),
    title: 'plan in sync, policy never seen before',
    run: async ({ main, ...rounds }) => {
      const ruleset = RULESETS[kind](rules)
      const [yaml, json] = [policyYaml(ruleset), policyJson(ruleset)]
      await using room = await openManagedRoom({ main, backend, policy: yaml })
      const yamlPath = room.write('cold.yaml', yaml)
      const jsonPath = room.write('cold.json', json)
      const plan = (path: string, textOf: (round: number) => string): Participant => ({
        prepare: (round) => writeFileSync(path, textOf(round)),
        run: () => room.measure(room.fwctl('plan', path)),
      })
      return await compare(
        {
          B: nodeStart(room),
          S: save(room, backend),
          yaml: yamlAlone(room, yamlPath),
          fwctl: plan(yamlPath, (round) => `${yaml}# ${round}\n`),
          'fwctl, JSON': plan(jsonPath, (round) => `${json}${' '.repeat(round)}\n`),
        },
        { ...rounds, bounds },
      )
    },
  }
}

/** The time that the package yaml takes for the text, in a process of its own, without its start. */
function yamlAlone(room: Room, path: string): Participant {
  const script = join(import.meta.dirname, '../yaml-alone.mjs')
  const output = join(room.folder, 'yaml-alone')
  return {
    run: async () => {
      const process_ = await room.measure({ argv: [process.execPath, script, path, output] })
      return { ...process_, wallMs: Number(await room.run(['cat', output])) }
    },
  }
}

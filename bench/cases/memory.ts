/** How much memory fwctl takes at its peak. */
import { rmSync } from 'node:fs'
import { type BenchCase, compare } from '../case.ts'
import { policyYaml } from '../languages/policy.ts'
import { edited, editsOf } from '../rulesets/edit.ts'
import { RULESETS } from '../rulesets/kinds.ts'
import { EMPTY_FILTER } from './first-load.ts'
import { openManagedRoom } from './managed-room.ts'
import { type Place, placeId } from './place.ts'

/** Enough: the peak is nearly the same in each. */
const RUNS = 3

/** The largest of everything that runs, which is fwctl, and of what it does, the worst. */
export function memory(place: Place, limitMb: number): BenchCase {
  const { backend, rules } = place
  return {
    place,
    id: placeId('memory', place),
    title: 'peak memory',
    run: async ({ main, runs, ...rounds }) => {
      const before = RULESETS.mixed(rules)
      const texts = [edited(before, editsOf(before, 1)), before].map(policyYaml)
      await using room = await openManagedRoom({ main, backend, policy: texts[1] ?? '' })
      await using fresh = await openManagedRoom({ main, backend })
      const paths = texts.map((text, i) => room.write(`${i}.yaml`, text))
      const [, path = ''] = paths
      const { costs } = await compare<string>(
        {
          plan: { run: () => room.measure(room.fwctl('plan', path)) },
          'plan, policy never seen before': {
            prepare: (round) => room.write('cold.yaml', `${texts[1]}# ${round}\n`),
            run: () => room.measure(room.fwctl('plan', `${room.folder}/cold.yaml`)),
          },
          apply: {
            run: (round) =>
              room.measure(room.fwctl('apply', paths[round % 2] ?? '', '--rehearse', 'required')),
          },
          'first load': {
            prepare: async () => {
              await fresh.run([`iptables-${backend}-restore`], EMPTY_FILTER)
              rmSync(fresh.stateDir, { recursive: true, force: true })
            },
            run: () => fresh.measure(fresh.fwctl('apply', path)),
          },
        },
        { ...rounds, runs: Math.min(runs, RUNS) },
      )
      const peaks = Object.entries(costs).map(([of, { peakMb }]) => ({ of, figure: peakMb.median }))
      const worst = peaks.toSorted((a, b) => a.figure - b.figure).slice(-1)
      return { costs, bounds: worst.map((peak) => ({ ...peak, form: '# MB', limit: limitMb })) }
    },
  }
}

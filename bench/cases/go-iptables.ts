/** What a program does that manages rules one by one with go-iptables, against a policy. */
import { rmSync } from 'node:fs'
import { type BenchCase, type Bounds, compare } from '../case.ts'
import { policyYaml } from '../languages/policy.ts'
import { openGoIptables } from '../peers/go-iptables.ts'
import { openRoom } from '../room.ts'
import { RULESETS } from '../rulesets/kinds.ts'
import { clientIn, flushed } from './client.ts'
import { EMPTY_FILTER } from './first-load.ts'
import { openManagedRoom } from './managed-room.ts'
import { type Place, placeId } from './place.ts'

/** From this many rules on it takes minutes. */
const LONG = 5000

/** All rules from nothing. */
export function append(
  place: Place,
  bounds?: Bounds<'fwctl' | 'fwctl client' | 'go-iptables'>,
): BenchCase {
  const { backend, rules, kind = 'mixed' } = place
  return {
    place,
    id: placeId('go-append', place),
    title: 'first load, against go-iptables appending rule by rule',
    run: async ({ main, ...rounds }) => {
      const ruleset = RULESETS[kind](rules)
      await using room = await openManagedRoom({ main, backend })
      await using go = await openGoIptables(backend, ruleset)
      const path = room.write('policy.yaml', policyYaml(ruleset))
      await using library = await openRoom()
      return await compare(
        {
          'go-iptables': go && {
            ...(rules >= LONG && { once: true as const }),
            prepare: () => go.room.run(flushed(backend)),
            run: () => go.room.measure({ argv: go.command('append') }),
          },
          fwctl: {
            prepare: async () => {
              await room.run([`iptables-${backend}-restore`], EMPTY_FILTER)
              rmSync(room.stateDir, { recursive: true, force: true })
            },
            run: () => room.measure(room.fwctl('apply', path)),
          },
          'fwctl client': clientIn(library, { main, backend, ruleset })('transaction'),
        },
        { ...rounds, bounds },
      )
    },
  }
}

/** Asking whether all is there. */
export function exists(place: Place): BenchCase {
  const { backend, rules, kind = 'mixed' } = place
  return {
    place,
    id: placeId('go-exists', place),
    title: 'plan in sync, against go-iptables asking rule by rule',
    run: async ({ main, ...rounds }) => {
      const ruleset = RULESETS[kind](rules)
      const policy = policyYaml(ruleset)
      await using room = await openManagedRoom({ main, backend, policy })
      await using go = await openGoIptables(backend, ruleset)
      const path = room.write('policy.yaml', policy)
      await go?.room.run(go.command('append'))
      return await compare(
        {
          'go-iptables': go && {
            run: () => go.room.measure({ argv: go.command('exists') }),
          },
          fwctl: { run: () => room.measure(room.fwctl('plan', path)) },
        },
        rounds,
      )
    },
  }
}

/** The library's client for programs that manage single rules, against go-iptables. */
import { dirname, join } from 'node:path'
import { type BenchCase, compare } from '../case.ts'
import type { Participant } from '../interleave.ts'
import { callLines } from '../languages/calls.ts'
import { openGoIptables } from '../peers/go-iptables.ts'
import { openRoom } from '../room.ts'
import { RULESETS } from '../rulesets/kinds.ts'
import { type Place, placeId } from './place.ts'

export function client(place: Place): BenchCase {
  const { backend, rules, kind = 'mixed' } = place
  return {
    place,
    id: placeId('client', place),
    title: 'rules appended by a program',
    run: async ({ main, ...rounds }) => {
      const ruleset = RULESETS[kind](rules)
      await using room = await openRoom()
      await using go = await openGoIptables(backend, ruleset)
      const calls = room.write('calls', callLines(ruleset))
      const script = join(import.meta.dirname, '../client.mjs')
      const library = join(dirname(main), 'index.js')
      const flush = ['sh', '-c', `iptables-${backend} -F && iptables-${backend} -X`]
      const ours = (how: string): Participant => ({
        prepare: () => room.run(flush),
        run: () => {
          const argv = [process.execPath, script, library, backend, how, calls]
          return room.measure({ argv })
        },
      })
      return await compare(
        {
          'go-iptables': go && {
            prepare: () => go.room.run(flush),
            run: () => go.room.measure({ argv: go.command('append') }),
          },
          'fwctl, calls': ours('append'),
          'fwctl, one transaction': ours('transaction'),
        },
        rounds,
      )
    },
  }
}

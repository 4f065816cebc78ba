/** The library's client for programs that manage single rules, against go-iptables. */
import { dirname, join } from 'node:path'
import type { Backend } from '../../src/ruleset/model.ts'
import { type BenchCase, compare } from '../case.ts'
import type { Participant } from '../interleave.ts'
import { callLines } from '../languages/calls.ts'
import { openGoIptables } from '../peers/go-iptables.ts'
import { openRoom, type Room } from '../room.ts'
import { RULESETS } from '../rulesets/kinds.ts'
import type { BenchRuleset } from '../rulesets/ruleset.ts'
import { type Place, placeId } from './place.ts'

/** fwctl's own client appends the rules of a ruleset in a room, and has to be told how. */
export function clientIn(
  room: Room,
  about: { readonly main: string; readonly backend: Backend; readonly ruleset: BenchRuleset },
): (how: 'append' | 'transaction') => Participant {
  const { main, backend, ruleset } = about
  const calls = room.write('calls', callLines(ruleset))
  const script = join(import.meta.dirname, '../client.mjs')
  const library = join(dirname(main), 'client.js')
  return (how) => ({
    prepare: () => room.run(flushed(backend)),
    run: () => room.measure({ argv: [process.execPath, script, library, backend, how, calls] }),
  })
}

export function flushed(backend: Backend): readonly string[] {
  return ['sh', '-c', `iptables-${backend} -F && iptables-${backend} -X`]
}

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
      const ours = clientIn(room, { main, backend, ruleset })
      return await compare(
        {
          'go-iptables': go && {
            prepare: () => go.room.run(flushed(backend)),
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

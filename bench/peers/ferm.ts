import type { Backend } from '../../src/ruleset/model.ts'
import { fermText } from '../languages/ferm.ts'
import { openRoom } from '../room.ts'
import type { BenchRuleset } from '../rulesets/ruleset.ts'
import { isInstalled, type Peer } from './peer.ts'

export const FERM = '/usr/sbin/ferm'

/** Loads the states in turn. Left to itself, Debian's ferm takes the legacy iptables where it is. */
export async function openFerm(
  backend: Backend,
  states: readonly BenchRuleset[],
): Promise<Peer | undefined> {
  if (!isInstalled(FERM)) return undefined
  const room = await openRoom({ only: backend })
  const paths = states.map((state, i) => room.write(`ferm-${i}`, fermText(state)))
  return {
    room,
    run: (round) => room.measure({ argv: [FERM, paths[round % paths.length] ?? ''] }),
    [Symbol.asyncDispose]: () => room[Symbol.asyncDispose](),
  }
}

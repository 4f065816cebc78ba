/** How far a change has got, chain by chain, for whoever has to go on by hand. */
import { sameChains } from '../plan/touched.ts'
import { liveOf } from './edit.ts'
import type { WayBack } from './go-back.ts'
import type { Live } from './live.ts'

export interface ChainState {
  /** `ipv4 filter INPUT` */
  readonly chain: string
  readonly holds: 'before' | 'target' | 'neither' | 'unknown'
}

const WORDS: Readonly<Record<ChainState['holds'], string>> = {
  before: 'as before',
  target: 'as planned',
  neither: 'neither as before nor as planned',
  unknown: 'could not be read',
}

/** Of all chains that the change touches. `live` is undefined when it could not be read. */
export function chainStates(
  ways: readonly Pick<WayBack, 'family' | 'touched' | 'before' | 'target'>[],
  live: Live | undefined,
): readonly ChainState[] {
  return ways.flatMap(({ family, touched, before, target }) =>
    touched.map((place): ChainState => {
      const chain = `${family} ${place.table} ${place.chain}`
      if (live === undefined) return { chain, holds: 'unknown' }
      const found = liveOf(live, family)
      if (sameChains(found, before, [place])) return { chain, holds: 'before' }
      return { chain, holds: sameChains(found, target, [place]) ? 'target' : 'neither' }
    }),
  )
}

/** In sentences. */
export function sayChainStates(states: readonly ChainState[]): string {
  const changed = states.filter((one) => one.holds !== 'before')
  const said = changed.map((one) => `${one.chain}: ${WORDS[one.holds]}`).join('; ')
  return (
    `What the host holds now: ${said || 'the rules before'}; ` +
    `${changed.length === states.length ? 'no chain is' : 'all other chains are'} as before.`
  )
}

/** How far a value in a document is on the way to where the rules are: `tables.TABLE.chains.CHAIN.rules`. */
const WAY = ['tables', undefined, 'chains', undefined, 'rules'] as const

/** How many keys of the way lead to it, or -1 beside the way. */
export type Place = number

export const TOP: Place = 0
export const NOWHERE: Place = -1

/** The place of what stands under a key of what is at this place, or is an item of it. */
export function inside(place: Place, key?: string): Place {
  if (place < 0 || place >= WAY.length || key === undefined) return NOWHERE
  const wanted = WAY[place]
  return wanted === undefined || wanted === key ? place + 1 : NOWHERE
}

/** Whether the list at this place holds the rules of a chain. */
export function isRules(place: Place): boolean {
  return place === WAY.length
}

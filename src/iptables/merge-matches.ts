/** One of several matches of the same module that say together what one could say. */
import { findMatch, optionOrder } from '../extensions/catalogue.ts'
import type { MatchExtension } from '../extensions/extension.ts'
import type { Family, Match } from '../ruleset/model.ts'

/**
 * Joins later instances of a mergeable module with the first one, options in the order of a save.
 * Instances that share an option stay apart, or the last one wins.
 */
export function mergeMatches(
  matches: readonly Match[],
  family: Family,
  shared: 'apart' | 'last-wins' = 'apart',
): readonly Match[] {
  if (!matches.some((m, i) => matches.findIndex((other) => other.module === m.module) < i)) {
    return matches
  }
  const merged: Match[] = []
  for (const match of matches) {
    const entry = findMatch(match.module, family)
    const isWhole = (m: Match): boolean =>
      shared === 'last-wins' && (entry?.storedWhole?.(m.options) ?? false)
    const at = merged.findIndex((m) => m.module === match.module && !isWhole(m))
    const first = merged[at]
    const apart = first === undefined || isWhole(match) || !entry?.mergeable
    if (apart || (shared === 'apart' && shareOption(first, match))) merged.push(match)
    else merged[at] = join(first, match, entry)
  }
  return merged
}

function join(first: Match, second: Match, entry: MatchExtension): Match {
  const kept = first.options.filter((o) => !second.options.some((other) => other.name === o.name))
  const options = [...kept, ...second.options]
  options.sort((a, b) => optionOrder(entry, a.name) - optionOrder(entry, b.name))
  return { module: first.module, options }
}

/** Two instances that test the same thing twice: nft keeps only the last. */
export function shareOption(a: Match, b: Match): boolean {
  return a.options.some((option) => b.options.some((other) => other.name === option.name))
}

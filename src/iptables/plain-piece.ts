/**
 * Reads the commonest pieces of a save, such as `-m tcp --dport 22`, without the rule parser: one
 * option or a few, each with one word that is known to be in normal form already. What is not so
 * plain is no business of this file.
 */
import { findMatch, findTarget, optionTraits } from '../extensions/catalogue.ts'
import type { Extension } from '../extensions/extension.ts'
import type { Family, Match, Option, Target } from '../ruleset/model.ts'

/** `-m NAME …`, else undefined. */
export function readPlainMatch(words: readonly string[], family: Family): Match | undefined {
  const entry = findMatch(words[1] as string, family)
  const options = entry && entry.name === words[1] ? readOptions(words, entry) : undefined
  return entry && options && { module: entry.name, options }
}

/** `-j NAME …`, else undefined. */
export function readPlainTarget(words: readonly string[], family: Family): Target | undefined {
  const entry = findTarget(words[1] as string, family)
  if (entry === undefined || entry.name !== words[1] || words[0] !== '-j') return undefined
  const options = readOptions(words, entry)
  return options && { verb: 'jump', name: entry.name, options }
}

function readOptions(words: readonly string[], entry: Extension): readonly Option[] | undefined {
  const { plain, required, always } = optionTraits(entry)
  const options: Option[] = []
  let place = -1
  for (let at = 2; at < words.length; at += 2) {
    const negated = words[at] === '!'
    if (negated) at++
    const flag = words[at] as string
    const option = flag.startsWith('--') ? plain.get(flag.slice(2)) : undefined
    const word = words[at + 1]
    if (option === undefined || word === undefined || !option.isNormal(word)) return undefined
    const { spec } = option
    if (negated && !spec.negatable) return undefined
    if (word === spec.omit || word === spec.any || option.place <= place) return undefined
    if (spec.group !== undefined && words.length > (negated ? 5 : 4)) return undefined
    place = option.place
    options.push({ name: flag.slice(2), negated, values: [word] })
  }
  const has = (name: string): boolean => options.some((option) => option.name === name)
  const isWhole = options.length > 0 && required.every(has) && always.every(([name]) => has(name))
  return isWhole ? options : undefined
}

/**
 * The canonical key of a rule: equal keys, equal behaviour.
 *
 * What a rule matches does not depend on the order of its pure matches, so they are sorted; a
 * stateful match (limit, recent, statistic, …) sees only what the matches before it let through,
 * so it keeps its place and the pure ones are sorted on either side of it. Comments match all and
 * go last, in their own order. Protocols are numbers, options are in the catalogue's normal form,
 * so neither the version nor the back end that printed the rule shows.
 */
import { findMatch, findTarget } from '../extensions/catalogue.ts'
import type { Extension } from '../extensions/extension.ts'
import type { Criterion, Family, Match, Option, RuleSpec, Target } from '../ruleset/model.ts'
import { mergeMatches } from './merge-matches.ts'

export function ruleKey(spec: RuleSpec, family: Family): string {
  const base =
    criterion('s', spec.source) +
    criterion('d', spec.destination) +
    criterion('i', spec.inInterface) +
    criterion('o', spec.outInterface) +
    criterion('p', spec.protocol) +
    criterion('f', spec.fragment)
  return `${base}${matchesKey(spec.matches, family)}${spec.target ? targetKey(spec.target, family) : ''}`
}

function targetKey({ verb, name, options, opaque }: Target, family: Family): string {
  const same = opaque ? undefined : findTarget(name, family)?.sameAs
  const key = same ?? { name, options }
  const entry = findTarget(key.name, family)
  const flag = verb === 'jump' ? '-j' : '-g'
  return `${flag} ${keyWord(key.name)}${optionsKey(key.options, entry)}${opaqueKey(opaque)}`
}

function criterion(flag: string, value: Criterion | undefined): string {
  return value === undefined ? '' : `${value.negated ? '!' : ''}-${flag} ${keyWord(value.value)} `
}

function matchesKey(matches: readonly Match[], family: Family): string {
  if (matches.length === 0) return ''
  const comments: string[] = []
  const keys: string[] = []
  let pure: Match[] = []
  const flush = (): void => {
    keys.push(
      ...mergeMatches(pure, family)
        .map((m) => matchKey(m, family))
        .sort(),
    )
    pure = []
  }
  for (const match of matches) {
    const effect = match.opaque ? 'stateful' : effectOf(match, family)
    if (effect === 'comment') comments.push(matchKey(match, family))
    else if (effect === 'pure') pure.push(match)
    else {
      flush()
      keys.push(`>${matchKey(match, family)}`)
    }
  }
  flush()
  return [...keys, ...comments].map((k) => `${k} `).join('')
}

function effectOf({ module, options }: Match, family: Family): string | undefined {
  const entry = findMatch(module, family)
  return entry?.effectOf?.(options) ?? entry?.effect
}

/** Matches are shared between the rules of a dump, so most keys are asked for often. */
const MATCH_KEYS: Readonly<Record<Family, WeakMap<Match, string>>> = {
  ipv4: new WeakMap(),
  ipv6: new WeakMap(),
}

function matchKey(match: Match, family: Family): string {
  let key = MATCH_KEYS[family].get(match)
  if (key === undefined) {
    const { module, options, opaque } = match
    const entry = findMatch(module, family)
    const name = opaque ? module : (entry?.synonymOf ?? module)
    key = `-m ${keyWord(name)}${optionsKey(options, entry)}${opaqueKey(opaque)}`
    MATCH_KEYS[family].set(match, key)
  }
  return key
}

function optionsKey(options: readonly Option[], entry: Extension | undefined): string {
  if (options.length === 0) return ''
  const keys = options.map((option) => {
    const { name, negated, values } = entry?.options[option.name]?.fold?.(option) ?? option
    return ` ${negated ? '!' : ''}--${name}${values.map((v) => ` ${keyWord(v)}`).join('')}`
  })
  if (keys.length === 1) return keys[0] as string
  return (entry?.ordered ? keys : keys.sort()).join('')
}

function opaqueKey(words: readonly string[] | undefined): string {
  return words === undefined ? '' : ` ${JSON.stringify(words)}`
}

/** Quoted where it could run into its neighbours. */
function keyWord(word: string): string {
  return /^[\w.,:/+%@-]+$/.test(word) ? word : JSON.stringify(word)
}

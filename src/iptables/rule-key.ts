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
  const matches = matchesKey(mergePure(spec.matches, family).map((m) => matchKey(m, family)))
  return criteriaKey(spec) + matches + (spec.target ? targetKey(spec.target, family) : '')
}

/** The part of a rule's key that is said without matches. */
export function criteriaKey(spec: RuleSpec): string {
  return (
    criterion('s', spec.source) +
    criterion('d', spec.destination) +
    criterion('i', spec.inInterface) +
    criterion('o', spec.outInterface) +
    criterion('p', spec.protocol) +
    criterion('f', spec.fragment)
  )
}

function criterion(flag: string, value: Criterion | undefined): string {
  return value === undefined ? '' : `${value.negated ? '!' : ''}-${flag} ${keyWord(value.value)} `
}

/** The part of a rule's key that is its target. */
export function targetKey({ verb, name, options, opaque }: Target, family: Family): string {
  const same = opaque ? undefined : findTarget(name, family)?.sameAs
  const key = same ?? { name, options }
  const entry = findTarget(key.name, family)
  const flag = verb === 'jump' ? '-j' : '-g'
  return `${flag} ${keyWord(key.name)}${optionsKey(key.options, entry)}${opaqueKey(opaque)}`
}

/** What one match adds to a rule's key, and how it stands to its neighbours. */
export interface MatchKey {
  readonly module: string
  readonly effect: 'pure' | 'stateful' | 'comment'
  readonly text: string
}

export function matchKey({ module, options, opaque }: Match, family: Family): MatchKey {
  const entry = findMatch(module, family)
  const name = opaque ? module : (entry?.synonymOf ?? module)
  return {
    module,
    effect: effectOf({ module, options, ...(opaque && { opaque }) }, family),
    text: `-m ${keyWord(name)}${optionsKey(options, entry)}${opaqueKey(opaque)} `,
  }
}

function effectOf({ module, options, opaque }: Match, family: Family): MatchKey['effect'] {
  const entry = opaque ? undefined : findMatch(module, family)
  return entry?.effectOf?.(options) ?? entry?.effect ?? 'stateful'
}

/** Joins the mergeable matches of each run between two stateful ones. */
function mergePure(matches: readonly Match[], family: Family): readonly Match[] {
  if (matches.length < 2) return matches
  const merged: Match[] = []
  let run: Match[] = []
  for (const match of matches) {
    const effect = effectOf(match, family)
    if (effect === 'pure') run.push(match)
    else if (effect === 'stateful') {
      merged.push(...mergeMatches(run, family), match)
      run = []
    } else merged.push(match)
  }
  return [...merged, ...mergeMatches(run, family)]
}

/** The matches of a rule, in their order, mergeable ones merged, in the order of its key. */
export function matchesKey(matches: readonly MatchKey[]): string {
  const [only] = matches
  if (only === undefined) return ''
  if (matches.length === 1) return only.effect === 'stateful' ? `>${only.text}` : only.text
  let key = ''
  let comments = ''
  let run: string[] = []
  for (const { effect, text } of matches) {
    if (effect === 'comment') comments += text
    else if (effect === 'pure') run.push(text)
    else {
      key += `${run.sort().join('')}>${text}`
      run = []
    }
  }
  return key + run.sort().join('') + comments
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
export function keyWord(word: string): string {
  return /^[\w.,:/+%@-]+$/.test(word) ? word : JSON.stringify(word)
}

/**
 * The canonical key of a rule: equal keys, equal behaviour.
 *
 * What a rule matches does not depend on the order of its pure matches, so they are sorted; a
 * stateful match (limit, recent, statistic, …) sees only what the matches before it let through,
 * so it keeps its place and the pure ones are sorted on either side of it. Comments match all and
 * go last, in their own order. Protocols are numbers, options are in the catalogue's normal form,
 * so neither the version nor the back end that printed the rule shows.
 */
import { findMatch } from '../extensions/catalogue.ts'
import type { Criterion, Family, Match, Option, RuleSpec } from '../ruleset/model.ts'

export function ruleKey(spec: RuleSpec, family: Family): string {
  const base = [
    criterion('s', spec.source),
    criterion('d', spec.destination),
    criterion('i', spec.inInterface),
    criterion('o', spec.outInterface),
    criterion('p', spec.protocol),
    criterion('f', spec.fragment),
  ].join('')
  const { target } = spec
  const end = target
    ? `${target.verb === 'jump' ? '-j ' : '-g '}${target.name}${optionsKey(target.options)}${opaqueKey(target.opaque)}`
    : ''
  return `${base}${matchesKey(spec.matches, family)}${end}`
}

function criterion(flag: string, value: Criterion | undefined): string {
  return value === undefined ? '' : `${value.negated ? '!' : ''}-${flag} ${value.value} `
}

function matchesKey(matches: readonly Match[], family: Family): string {
  if (matches.length === 0) return ''
  const comments: string[] = []
  const keys: string[] = []
  let pure: Match[] = []
  const flush = (): void => {
    keys.push(...mergePure(pure, family).map(matchKey).sort())
    pure = []
  }
  for (const match of matches) {
    const effect = match.opaque ? 'stateful' : findMatch(match.module, family)?.effect
    if (effect === 'comment') comments.push(matchKey(match))
    else if (effect === 'pure') pure.push(match)
    else {
      flush()
      keys.push(`>${matchKey(match)}`)
    }
  }
  flush()
  return [...keys, ...comments].map((k) => `${k} `).join('')
}

/** Two `-m tcp` with different options are one with both (nft saves them so from 1.8.8 on). */
function mergePure(matches: readonly Match[], family: Family): readonly Match[] {
  if (matches.length < 2) return matches
  const merged: Match[] = []
  for (const match of matches) {
    const at = merged.findIndex((m) => m.module === match.module && canMerge(m, match, family))
    if (at < 0) merged.push(match)
    else {
      const options = [...(merged[at] as Match).options, ...match.options]
      merged[at] = {
        module: match.module,
        options: options.sort((a, b) => (a.name < b.name ? -1 : 1)),
      }
    }
  }
  return merged
}

function canMerge(a: Match, b: Match, family: Family): boolean {
  const entry = findMatch(a.module, family)
  return (
    entry?.mergeable === true &&
    !a.options.some((o) => b.options.some((other) => other.name === o.name))
  )
}

function matchKey({ module, options, opaque }: Match): string {
  return `-m ${module}${optionsKey(options)}${opaqueKey(opaque)}`
}

function optionsKey(options: readonly Option[]): string {
  if (options.length === 0) return ''
  const sorted =
    options.length === 1
      ? options
      : [...options].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  return sorted
    .map(
      ({ name, negated, values }) =>
        ` ${negated ? '!' : ''}--${name}${values.map((v) => ` ${JSON.stringify(v)}`).join('')}`,
    )
    .join('')
}

function opaqueKey(words: readonly string[] | undefined): string {
  return words === undefined ? '' : ` ${JSON.stringify(words)}`
}

/** Whether an added rule is a removed one, edited: then it is shown as a change and keeps counting. */
import type { Match, Option, Rule } from '../ruleset/model.ts'
import { commentOf } from './foreign.ts'
import type { Pair } from './lcs.ts'

/** At least half of what two rules say must be the same. */
const THRESHOLD = 0.5

/** Above this many comparisons, rules are only compared with those of the same rank. */
const MAX_COMPARISONS = 10_000

/** Pairs of `[removed, added]` that resemble each other, never crossing, as alike as possible. */
export function pairResembling(removed: readonly Rule[], added: readonly Rule[]): Pair[] {
  if (removed.length === 0 || added.length === 0) return []
  const before = removed.map(partsOf)
  const after = added.map(partsOf)
  const score = (r: number, a: number): number => {
    const value = resemblance(before[r] as Parts, after[a] as Parts)
    return value >= THRESHOLD ? value : 0
  }
  return removed.length * added.length > MAX_COMPARISONS
    ? pairByRank(removed.length, added.length, score)
    : pairBest(removed.length, added.length, score)
}

function pairByRank(
  rows: number,
  columns: number,
  score: (r: number, a: number) => number,
): Pair[] {
  const pairs: Pair[] = []
  for (let i = 0; i < Math.min(rows, columns); i++) if (score(i, i) > 0) pairs.push([i, i])
  return pairs
}

/** The greatest sum of scores over non-crossing pairs, by dynamic programming from the end. */
function pairBest(rows: number, columns: number, score: (r: number, a: number) => number): Pair[] {
  const width = columns + 1
  const best = new Float64Array((rows + 1) * width)
  const scores = new Float64Array(rows * columns)
  const at = (r: number, a: number): number => best[r * width + a] as number
  for (let r = rows - 1; r >= 0; r--) {
    for (let a = columns - 1; a >= 0; a--) {
      const value = score(r, a)
      scores[r * columns + a] = value
      const paired = value > 0 ? value + at(r + 1, a + 1) : 0
      best[r * width + a] = Math.max(paired, at(r + 1, a), at(r, a + 1))
    }
  }
  const pairs: Pair[] = []
  for (let r = 0, a = 0; r < rows && a < columns; ) {
    const value = scores[r * columns + a] as number
    if (value > 0 && at(r, a) === value + at(r + 1, a + 1)) pairs.push([r++, a++])
    else if (at(r, a) === at(r + 1, a)) r++
    else a++
  }
  return pairs
}

interface Parts {
  readonly comment: string | undefined
  readonly parts: ReadonlySet<string>
}

/** The same comment names the same rule; else the share of equal parts, between 0 and 1. */
function resemblance(a: Parts, b: Parts): number {
  const equal = [...a.parts].filter((part) => b.parts.has(part)).length
  const total = a.parts.size + b.parts.size
  const share = total === 0 ? 0 : (2 * equal) / total
  // Above every share, so that a named pair wins over a pair that only looks alike.
  return a.comment !== undefined && a.comment === b.comment ? 1 + share : share
}

function partsOf(rule: Rule): Parts {
  const { spec } = rule
  const parts = new Set<string>()
  for (const field of CRITERIA) {
    const criterion = spec[field]
    if (criterion !== undefined) parts.add(`${field} ${criterion.negated} ${criterion.value}`)
  }
  for (const match of spec.matches) {
    if (match.module === 'comment') continue
    for (const part of optionParts(match.module, match)) parts.add(part)
  }
  if (spec.target !== undefined) {
    parts.add(`${spec.target.verb} ${spec.target.name}`)
    for (const part of optionParts(spec.target.name, spec.target)) parts.add(part)
  }
  return { comment: commentOf(rule), parts }
}

const CRITERIA = [
  'source',
  'destination',
  'inInterface',
  'outInterface',
  'protocol',
  'fragment',
] as const

function optionParts(
  owner: string,
  from: { readonly options: readonly Option[]; readonly opaque?: Match['opaque'] },
): string[] {
  const parts = from.options.map(
    (option) => `${owner} ${option.name} ${option.negated} ${option.values.join(' ')}`,
  )
  if (from.opaque !== undefined) parts.push(`${owner} ${from.opaque.join(' ')}`)
  return parts
}

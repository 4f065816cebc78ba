/** The edits of one chain by number, in an order in which the numbers hold (see batch.ts). */
import type { ForeignPatterns } from '../policy/policy.ts'
import type { Counters, Rule } from '../ruleset/model.ts'
import { isFoundByValue, likeness, likenesses } from './by-value.ts'
import { type EditCosts, isCheaperAnew, remembers } from './edit-cost.ts'
import { type ChainEdits, chainEdits, type Gap, type Source } from './edits.ts'
import { isForeignRule, type Place } from './foreign.ts'

/** Positions count from 1 and hold at the moment at which the line is reached. */
export type EditLine =
  | {
      readonly kind: 'replace'
      readonly position: number
      /** The live rule that stands there until then. */
      readonly before: Rule
      readonly rule: Rule
      readonly counters: Counters | undefined
    }
  | {
      readonly kind: 'insert'
      readonly position: number
      readonly rule: Rule
      readonly counters: Counters | undefined
    }
  /** All rules of the chain go; the whole target follows as `append`. */
  | { readonly kind: 'flush' }
  | { readonly kind: 'append'; readonly rule: Rule; readonly counters: Counters | undefined }
  | { readonly kind: 'delete'; readonly position: number; readonly rule: Rule }
  | { readonly kind: 'delete-value'; readonly rule: Rule }

/** Where rules of other tools may stand, and how they are recognised. */
export interface SharedChain {
  readonly place: Place
  readonly patterns: ForeignPatterns
}

/**
 * `foreign` is asked where there are edits; undefined for chains that are ours alone. Only these are
 * written anew, where `costs` says so: a rule that somebody put into a shared chain meanwhile would be
 * gone. Absent: never.
 */
export function editLines(input: {
  readonly live: readonly Rule[]
  readonly target: readonly Rule[]
  readonly foreign: () => SharedChain | undefined
  readonly costs?: EditCosts | undefined
}): EditLine[] {
  const { live, target, costs } = input
  const edits = chainEdits(live, target)
  if (edits.gaps.length === 0) return []
  const foreign = input.foreign()
  const lines = linesByNumber({ live, target, edits, foreign })
  if (foreign !== undefined || costs === undefined) return lines
  const appended = lines.filter((line) => line.kind === 'append').length
  const counts = { live: live.length, target: target.length, appended }
  const isCheaper = isCheaperAnew({ ...counts, byNumber: lines.length - appended }, costs)
  return isCheaper && !live.some(remembers) ? linesAnew({ live, target, edits }) : lines
}

/** With the counters that each rule has, and that its predecessor leaves to a changed one. */
function linesAnew({ live, target, edits }: ChainInput): EditLine[] {
  const { sources } = edits
  return [
    { kind: 'flush' },
    ...target.map((rule, j): EditLine => {
      return { kind: 'append', rule, counters: carried(rule, sources[j], live) }
    }),
  ]
}

interface ChainInput {
  readonly live: readonly Rule[]
  readonly target: readonly Rule[]
  readonly edits: ChainEdits
}

function linesByNumber(
  input: ChainInput & { readonly foreign: SharedChain | undefined },
): EditLine[] {
  const { live, target, edits } = input
  const byValue = foreignRemovals(input)

  // A rule that goes and one that comes in the same gap share one -R, related or not.
  const replacedBy = new Map<number, number>()
  for (const gap of edits.gaps) pairSlots({ gap, edits, byValue, replacedBy })
  const replacing = new Set(replacedBy.values())

  const replaced: EditLine[] = []
  const deleted: EditLine[] = []
  const deletedByValue: EditLine[] = []
  let length = live.length
  for (const { liveStart, liveEnd } of edits.gaps) {
    for (let i = liveStart; i < liveEnd; i++) {
      const rule = live[i] as Rule
      const j = replacedBy.get(i)
      if (j !== undefined) {
        replaced.push({ kind: 'replace', position: i + 1, before: rule, ...incoming(j) })
        continue
      }
      length--
      if (byValue.has(i)) deletedByValue.push({ kind: 'delete-value', rule })
      else deleted.push({ kind: 'delete', position: i + 1, rule })
    }
  }
  const inserted: EditLine[] = []
  for (const { targetStart, targetEnd } of edits.gaps) {
    for (let j = targetStart; j < targetEnd; j++) {
      if (replacing.has(j)) continue
      // Appending spares nft the reading of the whole chain.
      if (j === length) inserted.push({ kind: 'append', ...incoming(j) })
      else inserted.push({ kind: 'insert', position: j + 1, ...incoming(j) })
      length++
    }
  }
  return [...replaced, ...deleted.reverse(), ...deletedByValue, ...inserted]

  function incoming(j: number): { readonly rule: Rule; readonly counters: Counters | undefined } {
    const rule = target[j] as Rule
    const source = edits.sources[j]
    return { rule, counters: carried(rule, source, live) }
  }
}

/**
 * The counters that a rule of the target starts with: where it has moved, its own; where another has
 * become it, those of that one. But a rule that goes back to what it was may bring those of then, and
 * if the one that it has been since did not take them over, they are the larger ones.
 */
export function carried(
  rule: Rule,
  source: Source | undefined,
  live: readonly Rule[],
): Counters | undefined {
  if (source === undefined || source.kind === 'add') return rule.counters
  const { counters } = live[source.live] as Rule
  if (source.kind !== 'change' || counters === undefined) return counters
  return (rule.counters?.packets ?? 0n) > counters.packets ? rule.counters : counters
}

/** Between the changed rules of a gap, which hold their places, slots are used up in order. */
function pairSlots(input: {
  readonly gap: Gap
  readonly edits: ChainEdits
  readonly byValue: ReadonlySet<number>
  readonly replacedBy: Map<number, number>
}): void {
  const { gap, edits, byValue, replacedBy } = input
  let i = gap.liveStart
  let j = gap.targetStart
  const pairUntil = (liveEnd: number, targetEnd: number): void => {
    while (i < liveEnd && j < targetEnd) {
      if (byValue.has(i)) i++
      else replacedBy.set(i++, j++)
    }
  }
  for (let next = gap.targetStart; next < gap.targetEnd; next++) {
    const source = edits.sources[next]
    if (source?.kind !== 'change') continue
    pairUntil(source.live, next)
    replacedBy.set(source.live, next)
    i = source.live + 1
    j = next + 1
  }
  pairUntil(gap.liveEnd, gap.targetEnd)
}

/** The live rules of other tools that go, but for those that iptables may not tell from others. */
function foreignRemovals(input: {
  readonly live: readonly Rule[]
  readonly edits: ChainEdits
  readonly foreign: SharedChain | undefined
}): ReadonlySet<number> {
  const { live, edits, foreign } = input
  if (foreign === undefined) return new Set()
  const removed = new Set<number>()
  for (const { liveStart, liveEnd } of edits.gaps) {
    for (let i = liveStart; i < liveEnd; i++) {
      const rule = live[i] as Rule
      if (
        isFoundByValue(rule.text) &&
        edits.fates[i]?.kind === 'remove' &&
        isForeignRule(rule, foreign.place, foreign.patterns)
      ) {
        removed.add(i)
      }
    }
  }
  if (removed.size === 0) return removed
  const alike = likenesses(live)
  const isOnly = ({ text }: Rule): boolean => alike.get(likeness(text))?.count === 1
  return new Set([...removed].filter((i) => isOnly(live[i] as Rule)))
}

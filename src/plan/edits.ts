/** How one chain becomes another, rule by rule: what both the changes and the batch are made from. */
import type { Rule } from '../ruleset/model.ts'
import { identities } from './identity.ts'
import { longestCommonSubsequence, type Pair } from './lcs.ts'
import { pairResembling } from './resemblance.ts'

/** What becomes of a live rule. Indices count from 0. */
export type Fate =
  | { readonly kind: 'keep' | 'change' | 'move'; readonly target: number }
  | { readonly kind: 'remove' }

/** Where a rule of the target comes from. */
export type Source =
  | { readonly kind: 'keep' | 'change' | 'move'; readonly live: number }
  | { readonly kind: 'add' }

/** A stretch between two rules that stay, where something goes, comes or both. Ends are exclusive. */
export interface Gap {
  readonly liveStart: number
  readonly liveEnd: number
  readonly targetStart: number
  readonly targetEnd: number
}

export interface ChainEdits {
  /** One for each live rule. */
  readonly fates: readonly Fate[]
  /** One for each rule of the target. */
  readonly sources: readonly Source[]
  readonly gaps: readonly Gap[]
}

/**
 * The fewest rules that must be touched: a longest common subsequence of keys stays. Of the rest, a
 * rule that comes back elsewhere in the chain has moved, and a rule that comes where one goes that
 * resembles it is that rule, changed.
 */
export function chainEdits(live: readonly Rule[], target: readonly Rule[]): ChainEdits {
  if (haveSameTexts(live, target)) return noEdits(live.length)
  const known = KNOWN.get(live)?.get(target)
  if (known !== undefined) return known
  const edits = findEdits(live, target)
  const ofLive = KNOWN.get(live) ?? new WeakMap()
  KNOWN.set(live, ofLive.set(target, edits))
  return edits
}

/** What is shown, what is run and what is checked is made from the same edits of the same chains. */
const KNOWN = new WeakMap<readonly Rule[], WeakMap<readonly Rule[], ChainEdits>>()

/** Whether the rules of two chains are the same to the letter: then none of them has to be read. */
export function haveSameTexts(a: readonly Rule[], b: readonly Rule[]): boolean {
  if (a.length !== b.length) return false
  if (a === b || SAME.get(a) === b) return true
  if (!a.every(({ text }, index) => text === b[index]?.text)) return false
  if (a.length > 0) SAME.set(a, b)
  return true
}

/** Of thousands of chains it is asked when they are claimed, compared and edited. */
const SAME = new WeakMap<readonly Rule[], readonly Rule[]>()

function findEdits(live: readonly Rule[], target: readonly Rule[]): ChainEdits {
  if (live.length === 0 || target.length === 0) return oneSided(live.length, target.length)
  const { head, tail } = commonEnds(live, target)
  const middle = editsBetween(
    live.slice(head, live.length - tail),
    target.slice(head, target.length - tail),
  )
  return head + tail === 0 ? middle : withEnds(middle, { head, tail })
}

/**
 * How many rules at the beginning and at the end have the same texts: they stay, unread. (What goes
 * before or behind hook jumps is matched as a whole, see `keptRules`.)
 */
function commonEnds(
  live: readonly Rule[],
  target: readonly Rule[],
): { readonly head: number; readonly tail: number } {
  const shorter = Math.min(live.length, target.length)
  let head = 0
  while (head < shorter && live[head]?.text === target[head]?.text) head++
  if (live.some((rule) => isHookText(rule.text))) return { head: 0, tail: 0 }
  let tail = 0
  while (tail < shorter - head && live.at(-1 - tail)?.text === target.at(-1 - tail)?.text) tail++
  return { head, tail }
}

/** Most chains: what becomes of their rules is hardly ever asked. */
function noEdits(count: number): ChainEdits {
  return {
    get fates(): readonly Fate[] {
      return Array.from({ length: count }, (_, target) => ({ kind: 'keep', target }))
    },
    get sources(): readonly Source[] {
      return Array.from({ length: count }, (_, live) => ({ kind: 'keep', live }))
    },
    gaps: [],
  }
}

/** A chain that is filled, or emptied: there is nothing to compare. */
function oneSided(liveEnd: number, targetEnd: number): ChainEdits {
  if (liveEnd + targetEnd === 0) return noEdits(0)
  return {
    fates: Array<Fate>(liveEnd).fill({ kind: 'remove' }),
    sources: Array<Source>(targetEnd).fill({ kind: 'add' }),
    gaps: [{ liveStart: 0, liveEnd, targetStart: 0, targetEnd }],
  }
}

function withEnds(
  { fates, sources, gaps }: ChainEdits,
  { head, tail }: { readonly head: number; readonly tail: number },
): ChainEdits {
  return {
    fates: [
      ...range(0, head).map((target): Fate => ({ kind: 'keep', target })),
      ...fates.map(
        (fate): Fate => (fate.kind === 'remove' ? fate : { ...fate, target: fate.target + head }),
      ),
      ...range(0, tail).map((i): Fate => ({ kind: 'keep', target: head + sources.length + i })),
    ],
    sources: [
      ...range(0, head).map((live): Source => ({ kind: 'keep', live })),
      ...sources.map(
        (source): Source =>
          source.kind === 'add' ? source : { ...source, live: source.live + head },
      ),
      ...range(0, tail).map((i): Source => ({ kind: 'keep', live: head + fates.length + i })),
    ],
    gaps: gaps.map(({ liveStart, liveEnd, targetStart, targetEnd }) => ({
      liveStart: liveStart + head,
      liveEnd: liveEnd + head,
      targetStart: targetStart + head,
      targetEnd: targetEnd + head,
    })),
  }
}

function editsBetween(live: readonly Rule[], target: readonly Rule[]): ChainEdits {
  const [liveKeys, targetKeys] = identities(live, target)
  const fates: Fate[] = live.map(() => ({ kind: 'remove' }))
  const sources: Source[] = target.map(() => ({ kind: 'add' }))
  const link = (kind: 'keep' | 'change' | 'move', from: number, to: number): void => {
    fates[from] = { kind, target: to }
    sources[to] = { kind, live: from }
  }

  const kept = keptRules(liveKeys, targetKeys)
  for (const [from, to] of kept) link('keep', from, to)
  const gaps = gapsBetween(kept, live.length, target.length)

  const leaving = new Map<string, number[]>()
  for (const gap of gaps) {
    for (let i = gap.liveStart; i < gap.liveEnd; i++) {
      const key = liveKeys[i] as string
      const known = leaving.get(key)
      if (known === undefined) leaving.set(key, [i])
      else known.push(i)
    }
  }
  for (const places of leaving.values()) places.reverse()
  for (const gap of gaps) {
    for (let j = gap.targetStart; j < gap.targetEnd; j++) {
      const from = leaving.get(targetKeys[j] as string)?.pop()
      if (from !== undefined) link('move', from, j)
    }
  }

  for (const gap of gaps) {
    const removed = range(gap.liveStart, gap.liveEnd).filter((i) => fates[i]?.kind === 'remove')
    const added = range(gap.targetStart, gap.targetEnd).filter((j) => sources[j]?.kind === 'add')
    const pairs = pairResembling(
      removed.map((i) => live[i] as Rule),
      added.map((j) => target[j] as Rule),
    )
    for (const [r, a] of pairs) link('change', removed[r] as number, added[a] as number)
  }
  return { fates, sources, gaps }
}

/**
 * A hook jump that is out of place moves past the rules of others, and never they past it: where
 * there is one, the rest is matched first. (A longest common subsequence alone would keep either.)
 */
function keptRules(live: readonly string[], target: readonly string[]): readonly Pair[] {
  if (!live.some(isHookText)) return longestCommonSubsequence(live, target)
  const ours = indices(live, isHookText)
  const wanted = indices(target, isHookText)
  const others = [
    indices(live, (key) => !isHookText(key)),
    indices(target, (key) => !isHookText(key)),
  ]
  const [from = [], to = []] = others
  const kept: Pair[] = longestCommonSubsequence(
    from.map((i) => live[i] as string),
    to.map((j) => target[j] as string),
  ).map(([i, j]) => [from[i] as number, to[j] as number])
  for (const i of ours) {
    const fits = wanted.find(
      (j) => live[i] === target[j] && kept.every(([a, b]) => (a < i && b < j) || (a > i && b > j)),
    )
    if (fits !== undefined) kept.push([i, fits])
  }
  return kept.sort(([a], [b]) => a - b)
}

/** Of a text as of a key. */
function isHookText(text: string): boolean {
  return text.includes('-j FWCTL-')
}

function indices(keys: readonly string[], isMeant: (key: string) => boolean): number[] {
  return keys.flatMap((key, index) => (isMeant(key) ? [index] : []))
}

function gapsBetween(
  kept: readonly (readonly [number, number])[],
  liveLength: number,
  targetLength: number,
): Gap[] {
  const gaps: Gap[] = []
  let liveStart = 0
  let targetStart = 0
  for (const [liveEnd, targetEnd] of [...kept, [liveLength, targetLength] as const]) {
    if (liveEnd > liveStart || targetEnd > targetStart) {
      gaps.push({ liveStart, liveEnd, targetStart, targetEnd })
    }
    liveStart = liveEnd + 1
    targetStart = targetEnd + 1
  }
  return gaps
}

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, index) => start + index)
}

/** `[index in a, index in b]` of elements that stand in both, in order. */
export type Pair = readonly [number, number]

/**
 * Above this many pairs of equal elements, an element that repeats is paired only with its namesake
 * of the same rank. A chain of 10,000 rules has that many only when one rule stands in it over a
 * thousand times; the result is then still a common subsequence, but perhaps not the longest.
 */
const MAX_CANDIDATES = 2_000_000

/**
 * The longest common subsequence, by Hunt and Szymanski: O((r + n) log n) for r pairs of equal
 * elements, so that a full shuffle of distinct rules costs no more than a small edit.
 */
export function longestCommonSubsequence(a: readonly string[], b: readonly string[]): Pair[] {
  const shorter = Math.min(a.length, b.length)
  let head = 0
  while (head < shorter && a[head] === b[head]) head++
  let tail = 0
  while (tail < shorter - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++

  const pairs: Pair[] = []
  for (let i = 0; i < head; i++) pairs.push([i, i])
  const middleA = a.slice(head, a.length - tail)
  const middleB = b.slice(head, b.length - tail)
  for (const [i, j] of huntSzymanski(middleA, middleB)) pairs.push([head + i, head + j])
  for (let i = tail; i > 0; i--) pairs.push([a.length - i, b.length - i])
  return pairs
}

function huntSzymanski(a: readonly string[], b: readonly string[]): Pair[] {
  if (a.length === 0 || b.length === 0) return []
  const candidates = candidatesOf(a, b)
  // thresholds[k] is the smallest end in b of a common subsequence of length k + 1 so far, and
  // ends[k] the node of its last pair; nodes chain back to their predecessors.
  const thresholds: number[] = []
  const ends: number[] = []
  const nodeA: number[] = []
  const nodeB: number[] = []
  const previous: number[] = []
  for (let i = 0; i < a.length; i++) {
    // From high to low, so that one element of a is never used twice.
    const places = candidates(i)
    for (let p = places.length - 1; p >= 0; p--) {
      const j = places[p] as number
      const k = lowerBound(thresholds, j)
      if (thresholds[k] === j) continue
      thresholds[k] = j
      ends[k] = nodeA.length
      nodeA.push(i)
      nodeB.push(j)
      previous.push(k === 0 ? -1 : (ends[k - 1] as number))
    }
  }
  const pairs: Pair[] = []
  for (let node = ends.at(-1) ?? -1; node >= 0; node = previous[node] as number) {
    pairs.push([nodeA[node] as number, nodeB[node] as number])
  }
  return pairs.reverse()
}

/** For an index of a: the indices of b that it may be paired with, ascending. */
function candidatesOf(a: readonly string[], b: readonly string[]): (i: number) => number[] {
  const placesA = placesOf(a)
  const placesB = placesOf(b)
  let total = 0
  for (const [element, places] of placesA) {
    total += places.length * (placesB.get(element)?.length ?? 0)
  }
  if (total <= MAX_CANDIDATES) return (i) => placesB.get(a[i] as string) ?? []
  const seen = new Map<string, number>()
  return (i) => {
    const element = a[i] as string
    const rank = seen.get(element) ?? 0
    seen.set(element, rank + 1)
    const place = placesB.get(element)?.[rank]
    return place === undefined ? [] : [place]
  }
}

function placesOf(elements: readonly string[]): Map<string, number[]> {
  const places = new Map<string, number[]>()
  for (const [index, element] of elements.entries()) {
    const known = places.get(element)
    if (known === undefined) places.set(element, [index])
    else known.push(index)
  }
  return places
}

/** The first index whose value is at least `value`. */
function lowerBound(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as number) < value) low = middle + 1
    else high = middle
  }
  return low
}

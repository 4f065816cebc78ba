import type { Rule } from '../ruleset/model.ts'
import { identities } from './identity.ts'
import { longestCommonSubsequence } from './lcs.ts'

/**
 * The desired rules with the foreign rules of the live chain between them. Between two rules of
 * ours that stay, a foreign rule stands before the new ones, unless rules of ours that go away
 * stood before it: then as many new ones come first, and all of them when none stood behind it. At
 * the end of the chain it stays at the end.
 */
export function keepAmong(
  desired: readonly Rule[],
  live: readonly Rule[],
  foreign: ReadonlySet<Rule>,
): readonly Rule[] {
  const isForeign = live.map((rule) => foreign.has(rule))
  const own = live.flatMap((rule, index) => (isForeign[index] ? [] : [{ rule, index }]))
  const ownRules = own.map((entry) => entry.rule)
  const kept = longestCommonSubsequence(...identities(ownRules, desired)).map(([i, j]) => ({
    live: own[i]?.index ?? 0,
    desired: j,
  }))

  const rules: Rule[] = []
  let before = { live: -1, desired: -1 }
  for (const next of [...kept, { live: live.length, desired: desired.length }]) {
    rules.push(
      ...fillGap({
        added: desired.slice(before.desired + 1, next.desired),
        found: live.slice(before.live + 1, next.live),
        isForeign: isForeign.slice(before.live + 1, next.live),
        atTail: next.live === live.length && before.live >= 0,
      }),
    )
    const rule = desired[next.desired]
    if (rule !== undefined) rules.push(rule)
    before = next
  }
  return rules
}

function fillGap(gap: {
  readonly added: readonly Rule[]
  readonly found: readonly Rule[]
  readonly isForeign: readonly boolean[]
  readonly atTail: boolean
}): Rule[] {
  const { added, found, isForeign } = gap
  const leaving = isForeign.filter((foreign) => !foreign).length
  const rules: Rule[] = []
  let passed = 0
  let placed = 0
  for (const [index, rule] of found.entries()) {
    if (!isForeign[index]) {
      passed++
      continue
    }
    const last = passed === leaving && (passed > 0 || gap.atTail)
    const until = last ? added.length : Math.min(passed, added.length)
    rules.push(...added.slice(placed, until), rule)
    placed = until
  }
  return [...rules, ...added.slice(placed)]
}

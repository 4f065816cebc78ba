/**
 * Takes back one change of ours, and nothing else: what is live becomes what was there before, with
 * what others have done since.
 *
 * It is a three-way merge per chain. `after` is what our change left behind; what `live` has more
 * than that was added by others and stays, at its place behind the same neighbour. What others took
 * away comes back (a flushed chain is no reason to stay open) unless it is a known tool's own rule:
 * whoever stopped Docker meanwhile does not want its jumps back. Where live is what we left, the
 * result is `before` to the letter.
 */
import type { ForeignPatterns } from '../policy/policy.ts'
import { isBuiltinChain } from '../ruleset/hooks.ts'
import type { Chain, Rule, Ruleset, TableName } from '../ruleset/model.ts'
import { isForeignRule } from './foreign.ts'
import { findTable } from './state.ts'
import { type TouchedChain, withChainsFrom } from './touched.ts'

export interface WayBackInput {
  /** What is there now. */
  readonly live: Ruleset
  /** What was there before our change. */
  readonly before: Ruleset
  /** What our change left. */
  readonly after: Ruleset
  /** The chains that it touched. */
  readonly touched: readonly TouchedChain[]
  readonly foreign: ForeignPatterns
}

/** What live must become for our change to be gone. */
export function wayBack(input: WayBackInput): Ruleset {
  const { live, before, touched } = input
  const merged = mergeTouched(input)
  let leaving = touched
  for (;;) {
    const target = withChainsFrom({ live, from: merged, touched: leaving })
    // Others may jump to a chain of ours by now; it can not go from under them, and stays as it is.
    const used = leaving.filter((one) => isMissing(target, one) && isUsed(target, one))
    if (used.length === 0) return withoutDangling(target, before, leaving)
    leaving = leaving.filter((one) => !used.includes(one))
  }
}

function mergeTouched(input: WayBackInput): Ruleset {
  const { before, live, touched } = input
  const names = [...new Set(touched.map((one) => one.table))]
  return {
    family: live.family,
    tables: names.map((name) => ({
      name,
      chains: touched
        .filter((one) => one.table === name)
        .flatMap((one): Chain[] => {
          const then = findChain(before, one)
          if (then === undefined && !isBuiltinChain(name, one.chain)) return []
          return [mergeChain(then ?? { name: one.chain, policy: 'ACCEPT', rules: [] }, one, input)]
        }),
    })),
  }
}

function mergeChain(then: Chain, place: TouchedChain, input: WayBackInput): Chain {
  const now = findChain(input.live, place)?.rules
  const left = findChain(input.after, place)?.rules ?? []
  if (now === undefined || sameKeys(now, left) || sameKeys(now, then.rules)) return then
  const takenAway = bagOf(left)
  for (const rule of now) takenAway.take(rule)
  const rules = then.rules.filter(
    (rule) => !(isForeignRule(rule, place, input.foreign) && takenAway.take(rule)),
  )
  return { ...then, rules: withAdded(rules, now, left) }
}

/** `rules` with what `now` has more than `left`, each behind the neighbour that it stands behind. */
function withAdded(
  rules: readonly Rule[],
  now: readonly Rule[],
  left: readonly Rule[],
): readonly Rule[] {
  // Also one copy more of a rule of ours: nobody else has written that, but a way back that failed.
  const ours = new Set([...left, ...rules].map((rule) => rule.key))
  const back = bagOf(rules)
  const merged = [...rules]
  let at = 0
  for (const rule of now) {
    const place = merged.findIndex((one, index) => index >= at && one.key === rule.key)
    // What comes back anyway is not added a second time.
    if (back.take(rule)) at = place < 0 ? at : place + 1
    else if (!ours.has(rule.key)) merged.splice(at++, 0, rule)
  }
  return merged
}

interface Bag {
  /** Takes one such rule out; false when there is none. */
  readonly take: (rule: Rule) => boolean
}

/** Rules by key, counted. */
function bagOf(rules: readonly Rule[]): Bag {
  const counts = new Map<string, number>()
  for (const { key } of rules) counts.set(key, (counts.get(key) ?? 0) + 1)
  return {
    take: ({ key }) => {
      const count = counts.get(key) ?? 0
      if (count > 0) counts.set(key, count - 1)
      return count > 0
    },
  }
}

/** A tool that removed its chain since does not get back the jump to it. */
function withoutDangling(
  target: Ruleset,
  before: Ruleset,
  touched: readonly TouchedChain[],
): Ruleset {
  const dangles = (table: TableName, name: string | undefined): boolean =>
    name !== undefined &&
    !isMissing(before, { table, chain: name }) &&
    isMissing(target, { table, chain: name })
  return {
    ...target,
    tables: target.tables.map((table) => ({
      ...table,
      chains: table.chains.map((chain) =>
        touched.some((one) => one.table === table.name && one.chain === chain.name)
          ? {
              ...chain,
              rules: chain.rules.filter((rule) => !dangles(table.name, rule.spec.target?.name)),
            }
          : chain,
      ),
    })),
  }
}

function isMissing(ruleset: Ruleset, place: TouchedChain): boolean {
  return findChain(ruleset, place) === undefined
}

function isUsed(ruleset: Ruleset, { table, chain }: TouchedChain): boolean {
  return (findTable(ruleset, table)?.chains ?? []).some((one) =>
    one.rules.some((rule) => rule.text.includes(chain) && rule.spec.target?.name === chain),
  )
}

function findChain(
  ruleset: Ruleset,
  { table, chain }: { readonly table: TableName; readonly chain: string },
): Chain | undefined {
  return findTable(ruleset, table)?.chains.find((one) => one.name === chain)
}

function sameKeys(a: readonly Rule[], b: readonly Rule[]): boolean {
  return a.length === b.length && a.every((rule, index) => rule.key === b[index]?.key)
}

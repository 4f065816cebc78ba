/**
 * The chains that a plan changes. Verifying, recovering and undoing look at these and at nothing
 * else, so that what another tool does meanwhile in chains of its own is neither taken for a failure
 * nor undone with it.
 */

import type { ForeignPatterns } from '../policy/policy.ts'
import { isBuiltinChain } from '../ruleset/hooks.ts'
import {
  type Chain,
  type Rule,
  type Ruleset,
  TABLES,
  type Table,
  type TableName,
} from '../ruleset/model.ts'
import type { Change } from './change.ts'
import { isForeignChain, isForeignRule } from './foreign.ts'
import { findTable, rulesetDigest } from './state.ts'

export interface TouchedChain {
  readonly table: TableName
  readonly chain: string
}

/** Each once, in a fixed order. */
export function touchedChains(changes: readonly Change[]): readonly TouchedChain[] {
  const found = new Map(
    changes.map(({ table, chain }) => [`${table} ${chain}`, { table, chain }] as const),
  )
  return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, touched]) => touched)
}

/** What these chains hold: equal digests, equal rules in equal order and equal policies. */
export function touchedDigest(ruleset: Ruleset, touched: readonly TouchedChain[]): string {
  return rulesetDigest({
    family: ruleset.family,
    tables: ruleset.tables.flatMap((table) => {
      const names = namesIn(touched, table.name)
      if (names.size === 0) return []
      return [{ ...table, chains: table.chains.filter((chain) => names.has(chain.name)) }]
    }),
  })
}

/**
 * Whether these chains hold the same. Texts are compared before keys: a rule of a dump is only read
 * where its text differs.
 */
export function sameChains(a: Ruleset, b: Ruleset, touched: readonly TouchedChain[]): boolean {
  if (a === b) return true
  return touched.every((place) => {
    const [one, other] = [chainAt(a, place), chainAt(b, place)]
    if (one === undefined || other === undefined) return one === other
    return policyOf(one) === policyOf(other) && sameRules(one.rules, other.rules)
  })
}

/**
 * Like `sameChains`, but rules of other tools, in chains that are shared with them, may have come and
 * gone. The rules of ours have the same order.
 */
export function sameButForOthers(
  a: Ruleset,
  b: Ruleset,
  {
    touched,
    foreign,
  }: { readonly touched: readonly TouchedChain[]; readonly foreign: ForeignPatterns },
): boolean {
  const own = (ruleset: Ruleset): Ruleset => ({
    family: ruleset.family,
    tables: ruleset.tables.map((table) => ({
      ...table,
      chains: table.chains.map((chain) => {
        const place = { table: table.name, chain: chain.name }
        const isShared =
          isBuiltinChain(place.table, place.chain) || isForeignChain(chain.name, foreign)
        if (!isShared || !touched.some((one) => isSamePlace(one, place))) return chain
        return {
          ...chain,
          rules: chain.rules.filter((rule) => !isForeignRule(rule, place, foreign)),
        }
      }),
    })),
  })
  return sameChains(a, b, touched) || sameChains(own(a), own(b), touched)
}

/** Those of the touched chains that differ. */
export function differingChains(
  a: Ruleset,
  b: Ruleset,
  touched: readonly TouchedChain[],
): readonly TouchedChain[] {
  return touched.filter((place) => !sameChains(a, b, [place]))
}

/** A built-in chain of a table that is not there is empty, and accepts. */
function chainAt(ruleset: Ruleset, { table, chain }: TouchedChain): Chain | undefined {
  const found = findTable(ruleset, table)?.chains.find((one) => one.name === chain)
  return found ?? (isBuiltinChain(table, chain) ? { name: chain, rules: [] } : undefined)
}

function policyOf(chain: Chain): string {
  return chain.policy ?? 'ACCEPT'
}

function sameRules(a: readonly Rule[], b: readonly Rule[]): boolean {
  return (
    a.length === b.length &&
    a.every((rule, index) => {
      const other = b[index] as Rule
      return rule.text === other.text || rule.key === other.key
    })
  )
}

function isSamePlace(a: TouchedChain, b: TouchedChain): boolean {
  return a.table === b.table && a.chain === b.chain
}

/** `live` with these chains as they are in `from`: removed where `from` does not have them. */
export function withChainsFrom(input: {
  readonly live: Ruleset
  readonly from: Ruleset
  readonly touched: readonly TouchedChain[]
}): Ruleset {
  const { live, from, touched } = input
  const tables = TABLES.flatMap((name): Table[] => {
    const now = live.tables.find((table) => table.name === name)
    const before = from.tables.find((table) => table.name === name)
    const names = namesIn(touched, name)
    if (names.size === 0) return now ? [now] : []
    const back = (before?.chains ?? []).filter((chain) => names.has(chain.name))
    const stays = (now?.chains ?? []).flatMap((chain): Chain[] => {
      if (!names.has(chain.name) || back.some((one) => one.name === chain.name)) return [chain]
      return isBuiltinChain(name, chain.name)
        ? [{ name: chain.name, policy: 'ACCEPT', rules: [] }]
        : []
    })
    const replaced = stays.map((chain) => back.find((one) => one.name === chain.name) ?? chain)
    const added = back.filter((chain) => !stays.some((one) => one.name === chain.name))
    return [{ name, chains: [...replaced, ...added] }]
  })
  return { family: live.family, tables }
}

/** The names of those in a table. */
export function namesIn(touched: readonly TouchedChain[], table: TableName): ReadonlySet<string> {
  return new Set(touched.filter((one) => one.table === table).map((one) => one.chain))
}

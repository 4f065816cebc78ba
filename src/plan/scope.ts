/**
 * What of a host a plan depends on: the chains that the policy declares, and those that it changes.
 * Docker, kube-proxy and fail2ban rewrite chains of their own all day; a plan that one of them made
 * stale each time could never be saved and applied. Whatever is outside of the scope stays as it is
 * found when the plan is applied.
 */
import { BUILTIN_CHAINS } from '../ruleset/hooks.ts'
import { type Ruleset, TABLES, type TableName } from '../ruleset/model.ts'
import type { Change } from './change.ts'
import { findTable } from './state.ts'
import {
  sameChains,
  type TouchedChain,
  touchedChains,
  touchedDigest,
  withChainsFrom,
} from './touched.ts'

export interface ScopedTable {
  readonly table: TableName
  /** `all`: also the chains that are made later. */
  readonly chains: readonly string[] | 'all'
}

export type Scope = readonly ScopedTable[]

/** Of a plan that is not made from a policy: the chains that change. */
export function scopeOf(changes: readonly Change[]): Scope {
  const touched = touchedChains(changes)
  return TABLES.flatMap((table): ScopedTable[] => {
    const chains = touched.filter((one) => one.table === table).map((one) => one.chain)
    return chains.length === 0 ? [] : [{ table, chains }]
  })
}

/** Equal digests: nothing that the plan depends on differs. Counters are no part of it. */
export function scopeDigest(ruleset: Ruleset, scope: Scope): string {
  return touchedDigest(ruleset, chainsIn(scope, [ruleset]))
}

/** Whether two states are the same as far as a plan depends on them. Cheaper than two digests. */
export function sameScope(a: Ruleset, b: Ruleset, scope: Scope): boolean {
  return sameChains(a, b, chainsIn(scope, [a, b]))
}

/** The target for what is live by now: inside of the scope as planned, outside of it as it is. */
export function rebase(input: {
  readonly live: Ruleset
  readonly target: Ruleset
  readonly scope: Scope
}): Ruleset {
  const { live, target, scope } = input
  return withChainsFrom({ live, from: target, touched: chainsIn(scope, [live, target]) })
}

/** The chains of a scope in some states: `all` means those that any of them has. */
export function chainsIn(scope: Scope, rulesets: readonly Ruleset[]): readonly TouchedChain[] {
  return scope.flatMap(({ table, chains }) => {
    const names = chains === 'all' ? allChains(table, rulesets) : chains
    return [...new Set(names)].map((chain) => ({ table, chain }))
  })
}

function allChains(table: TableName, rulesets: readonly Ruleset[]): readonly string[] {
  const found = rulesets.flatMap((ruleset) => findTable(ruleset, table)?.chains ?? [])
  return [...BUILTIN_CHAINS[table], ...found.map((chain) => chain.name)]
}

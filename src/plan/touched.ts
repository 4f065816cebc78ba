/**
 * The chains that a plan changes. Verifying, recovering and undoing look at these and at nothing
 * else, so that what another tool does meanwhile in chains of its own is neither taken for a failure
 * nor undone with it.
 */

import { isBuiltinChain } from '../ruleset/hooks.ts'
import { type Chain, type Ruleset, TABLES, type Table, type TableName } from '../ruleset/model.ts'
import type { Change } from './change.ts'
import { rulesetDigest } from './state.ts'

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

function namesIn(touched: readonly TouchedChain[], table: TableName): ReadonlySet<string> {
  return new Set(touched.filter((one) => one.table === table).map((one) => one.chain))
}

/**
 * Chains without rules that iptables-save misprints (native-rules.ts). To have nft list a chain of 10,000
 * rules takes longer than all else in an apply, and what fwctl has seen once it need not ask again.
 *
 * A chain is plain when nft was asked about it, and stays so as long as it has the rules that it had after
 * the last apply, or iptables-restore has made it what it is since. (Somebody may put a rule of nft's in the
 * place of one of ours that iptables-save prints alike: that is seen neither by a plan nor here.)
 */
import { chainsAsIn } from '../iptables/save.ts'
import { namesIn, type TouchedChain } from '../plan/touched.ts'
import { type Backend, type Ruleset, TABLES } from '../ruleset/model.ts'
import type { AppliedFamily, ChainNames } from './applied.ts'

/** Of the chains of a family, those that were plain and have the rules that they had. */
export function plainChains(
  last: Pick<AppliedFamily, 'backend' | 'rules' | 'plain'> | undefined,
  now: Ruleset,
  backend: Backend,
): readonly TouchedChain[] {
  const { plain, rules = '' } = last ?? {}
  // Another back end has other tables.
  if (plain === undefined || last?.backend !== backend) return []
  const known = new Map(now.tables.map(({ name }) => [name, new Set(plain[name])]))
  return chainsAsIn(rules, now).filter(({ table, chain }) => known.get(table)?.has(chain))
}

/** Of the chains that change, those that have rules and are not plain. Where a dump has no rule, there is none. */
export function unknownChains(
  last: Parameters<typeof plainChains>[0],
  before: Ruleset,
  touched: readonly TouchedChain[],
): readonly TouchedChain[] {
  const tables = before.tables.map(({ name, chains }) => {
    const changed = namesIn(touched, name)
    return { name, chains: chains.filter((one) => changed.has(one.name) && one.rules.length > 0) }
  })
  const plain = plainChains(last, { ...before, tables }, 'nft')
  return tables.flatMap(({ name: table, chains }) => {
    const known = namesIn(plain, table)
    return chains.flatMap(({ name }) => (known.has(name) ? [] : [{ table, chain: name }]))
  })
}

/** For the record; undefined for none. */
export function chainNames(chains: readonly TouchedChain[]): ChainNames | undefined {
  const names = TABLES.map((table) => [table, [...namesIn(chains, table)]] as const)
  const found = names.filter(([, own]) => own.length > 0)
  return found.length === 0 ? undefined : Object.fromEntries(found)
}

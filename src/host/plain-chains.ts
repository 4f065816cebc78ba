/**
 * Chains without rules that iptables-save misprints (native-rules.ts). To have nft list a chain of 10,000
 * rules takes longer than all else in an apply, and what fwctl has seen once it need not ask again.
 *
 * A chain is plain when nft was asked about it, and stays so as long as it has the rules that it had after
 * the last apply, or iptables-restore has made it what it is since. (Somebody may put a rule of nft's in the
 * place of one of ours that iptables-save prints alike: that is seen neither by a plan nor here.)
 */
import { chainsAsIn } from '../iptables/save.ts'
import { findTable } from '../plan/state.ts'
import type { TouchedChain } from '../plan/touched.ts'
import type { Backend, Ruleset } from '../ruleset/model.ts'
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

/** Those that change and have rules, but for the plain ones. Where a dump has no rule, there is none. */
export function unknownChains(
  touched: readonly TouchedChain[],
  before: Ruleset,
  plain: readonly TouchedChain[],
): readonly TouchedChain[] {
  const known = new Set(plain.map(placeOf))
  return touched.filter((one) => {
    const chain = findTable(before, one.table)?.chains.find(({ name }) => name === one.chain)
    return chain !== undefined && chain.rules.length > 0 && !known.has(placeOf(one))
  })
}

/** For the record; undefined for none. */
export function chainNames(chains: readonly TouchedChain[]): ChainNames | undefined {
  const names: Partial<Record<TouchedChain['table'], string[]>> = {}
  for (const { table, chain } of chains) {
    const known = names[table]
    if (known === undefined) names[table] = [chain]
    else if (!known.includes(chain)) known.push(chain)
  }
  return chains.length === 0 ? undefined : names
}

function placeOf({ table, chain }: TouchedChain): string {
  return `${table} ${chain}`
}

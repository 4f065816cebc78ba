/**
 * A look at a few chains, where the whole dump is not needed: it costs 5 ms instead of 100 when there
 * are 10,000 rules. It can only say yes. Whatever is not to the letter as it is expected, down to a
 * text that another version prints in another way, is left to somebody who reads everything.
 */
import { findTable } from '../plan/state.ts'
import type { TouchedChain } from '../plan/touched.ts'
import { type Chain, type Ruleset, TABLES } from '../ruleset/model.ts'
import type { FamilyTools } from './backend.ts'
import type { Executor } from './executor.ts'

const LIST_TIMEOUT_MS = 120_000

/**
 * Whether the host holds exactly these chains of a ruleset, rules and policies; counters aside. False
 * when it does not, and when this is no cheaper than to read everything: on legacy, which reads whole
 * tables anyway, for chains that are to be gone, and for more than half of all rules.
 */
export async function holdsChains(
  executor: Executor,
  tools: FamilyTools,
  expected: { readonly ruleset: Ruleset; readonly chains: readonly TouchedChain[] },
): Promise<boolean> {
  const { ruleset, chains } = expected
  if (tools.dialect.backend !== 'nft' || chains.length === 0) return false
  const listing: string[] = []
  const lines: string[] = []
  let rules = 0
  for (const name of TABLES) {
    const wanted = chains.filter((one) => one.table === name)
    if (wanted.length === 0) continue
    const table = findTable(ruleset, name)
    listing.push(`*${name}`)
    for (const { chain: wantedName } of wanted) {
      const chain = table?.chains.find((one) => one.name === wantedName)
      if (chain === undefined) return false
      listing.push(`-S ${chain.name}`)
      pushListed(lines, chain)
      rules += chain.rules.length
    }
    listing.push('COMMIT')
  }
  if (rules * 2 > countRules(ruleset)) return false
  // One program lists them all. A batch that only lists commits nothing, and waits for nobody.
  const result = await executor.run({
    program: tools.restore,
    args: ['--noflush'],
    input: textOf(listing),
    timeoutMs: LIST_TIMEOUT_MS,
  })
  return result.status === 0 && result.stdout === textOf(lines)
}

/** As `iptables -S CHAIN` prints it. */
function pushListed(lines: string[], { name, policy, rules }: Chain): void {
  lines.push(policy === undefined ? `-N ${name}` : `-P ${name} ${policy}`)
  for (const { text } of rules) lines.push(`-A ${name} ${text}`.trimEnd())
}

function countRules(ruleset: Ruleset): number {
  let count = 0
  for (const { chains } of ruleset.tables) for (const { rules } of chains) count += rules.length
  return count
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}

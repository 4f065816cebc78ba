/**
 * A look at the chains that matter, where the whole dump is not needed: it costs 5 ms instead of 100 when
 * there are 10,000 rules and one chain of 50 matters. It can only say yes. Whatever is not to the letter
 * as it is expected, down to a text that another version prints in another way, is left to somebody who
 * reads everything.
 */
import { findTable } from '../plan/state.ts'
import type { TouchedChain } from '../plan/touched.ts'
import { type Chain, type Ruleset, TABLES, type TableName } from '../ruleset/model.ts'
import type { FamilyTools } from './backend.ts'
import type { Executor } from './executor.ts'

const LIST_TIMEOUT_MS = 120_000
/** From this many rules on it takes two programs half as long. */
const MANY = 2000

/**
 * Whether the host holds exactly these chains of a ruleset, rules and policies; counters aside. False
 * when it does not, and where it can not be told so: on legacy, where a listing reads the whole table,
 * and for chains that are to be gone.
 */
export async function holdsChains(
  executor: Executor,
  tools: FamilyTools,
  expected: { readonly ruleset: Ruleset; readonly chains: readonly TouchedChain[] },
): Promise<boolean> {
  const { ruleset, chains } = expected
  if (tools.dialect.backend !== 'nft' || chains.length === 0) return false
  const places: Place[] = []
  for (const table of TABLES) {
    const found = new Map(findTable(ruleset, table)?.chains.map((chain) => [chain.name, chain]))
    for (const one of chains) {
      if (one.table !== table) continue
      const chain = found.get(one.chain)
      if (chain === undefined) return false
      places.push({ table, chain })
    }
  }
  const looks = inParts(places).map((part) => isAsListed(executor, tools, part))
  return (await Promise.all(looks)).every(Boolean)
}

interface Place {
  readonly table: TableName
  readonly chain: Chain
}

/** One part, or two with about as many rules. */
function inParts(places: readonly Place[]): readonly (readonly Place[])[] {
  let total = 0
  for (const { chain } of places) total += chain.rules.length
  if (total < MANY) return [places]
  let end = 0
  for (let rules = 0; rules < total / 2; end++) rules += places[end]?.chain.rules.length ?? 0
  return [places.slice(0, end), places.slice(end)].filter((part) => part.length > 0)
}

/** One program lists them. A batch that only lists commits nothing, and waits for nobody. */
async function isAsListed(
  executor: Executor,
  tools: FamilyTools,
  places: readonly Place[],
): Promise<boolean> {
  let listing = ''
  let table: TableName | undefined
  for (const place of places) {
    if (place.table !== table) {
      listing += `${table === undefined ? '' : 'COMMIT\n'}*${place.table}\n`
      table = place.table
    }
    listing += `-S ${place.chain.name}\n`
  }
  const result = await executor.run({
    program: tools.restore,
    args: ['--noflush'],
    input: `${listing}COMMIT\n`,
    timeoutMs: LIST_TIMEOUT_MS,
  })
  return result.status === 0 && isText(result.stdout, places)
}

/** Whether a text is what `iptables -S CHAIN` prints of one chain after the other. */
function isText(text: string, places: readonly Place[]): boolean {
  let at = 0
  const isNext = (line: string): boolean => {
    if (!text.startsWith(line, at) || text[at + line.length] !== '\n') return false
    at += line.length + 1
    return true
  }
  for (const { chain } of places) {
    const { name, policy, rules } = chain
    if (!isNext(policy === undefined ? `-N ${name}` : `-P ${name} ${policy}`)) return false
    for (const rule of rules) if (!isNext(`-A ${name} ${rule.text}`.trimEnd())) return false
  }
  return at === text.length
}

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
  if (tools.dialect.backend !== 'nft') return false
  const places = placesOf(expected.ruleset, expected.chains)
  if (places === undefined) return false
  const looks = inParts(places).map((part) => isAsListed(executor, tools, part))
  return (await Promise.all(looks)).every(Boolean)
}

/** What has an iptables-restore list chains, and how its answer is read. */
export interface ChainListing {
  /** Complete blocks, which change nothing. */
  readonly input: string
  /** Two programs are faster (`holdsChains`). */
  readonly isLong: boolean
  /** Whether the chains are listed as they should be at the end of an output, and what is before that. */
  readEnd(stdout: string): { readonly isSeen: boolean; readonly before: string }
}

/** A listing for a program that has just written these chains. Undefined: none that would tell. */
export function chainListing(
  ruleset: Ruleset,
  chains: readonly TouchedChain[],
): ChainListing | undefined {
  const places = placesOf(ruleset, chains)
  if (places === undefined) return undefined
  return {
    isLong: ruleCount(places) >= MANY,
    input: listingInput(places),
    readEnd: (stdout) => {
      const expected = listingText(places)
      if (stdout.endsWith(expected)) {
        return { isSeen: true, before: stdout.slice(0, -expected.length) }
      }
      return { isSeen: false, before: beforeListing(stdout, places) }
    },
  }
}

/** A listing begins with the `-N` or `-P` of its first chain, where that is listed for the last time. */
function beforeListing(stdout: string, [first]: readonly Place[]): string {
  const name = first?.chain.name
  const text = `\n${stdout}`
  const start = Math.max(text.lastIndexOf(`\n-N ${name}\n`), text.lastIndexOf(`\n-P ${name} `))
  return start < 0 ? stdout : text.slice(1, start + 1)
}

interface Place {
  readonly table: TableName
  readonly chain: Chain
}

/** By table; undefined if there are none, or one of them is not there. */
function placesOf(ruleset: Ruleset, chains: readonly TouchedChain[]): readonly Place[] | undefined {
  const places: Place[] = []
  for (const table of TABLES) {
    const found = new Map(findTable(ruleset, table)?.chains.map((chain) => [chain.name, chain]))
    for (const one of chains) {
      if (one.table !== table) continue
      const chain = found.get(one.chain)
      if (chain === undefined) return undefined
      places.push({ table, chain })
    }
  }
  return places.length === 0 ? undefined : places
}

function ruleCount(places: readonly Place[]): number {
  return places.reduce((sum, { chain }) => sum + chain.rules.length, 0)
}

/** One part, or two with about as many rules. */
function inParts(places: readonly Place[]): readonly (readonly Place[])[] {
  const total = ruleCount(places)
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
  const result = await executor.run({
    program: tools.restore,
    args: ['--noflush'],
    input: listingInput(places),
    timeoutMs: LIST_TIMEOUT_MS,
  })
  return result.status === 0 && result.stdout === listingText(places)
}

function listingInput(places: readonly Place[]): string {
  let input = ''
  let table: TableName | undefined
  for (const place of places) {
    if (place.table !== table) input += `${table === undefined ? '' : 'COMMIT\n'}*${place.table}\n`
    table = place.table
    input += `-S ${place.chain.name}\n`
  }
  return `${input}COMMIT\n`
}

/** What `iptables -S CHAIN` prints of one chain after the other. */
function listingText(places: readonly Place[]): string {
  let text = ''
  for (const { chain } of places) {
    const { name, policy, rules } = chain
    text += policy === undefined ? `-N ${name}\n` : `-P ${name} ${policy}\n`
    for (const rule of rules) text += `${`-A ${name} ${rule.text}`.trimEnd()}\n`
  }
  return text
}

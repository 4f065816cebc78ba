import type { Family, TableName } from '../ruleset/model.ts'
import type { Executor } from './executor.ts'

/** A rule that `nft` made in a table of iptables, and that iptables-save does not show as it is. */
export interface NativeRule {
  readonly family: Family
  readonly table: TableName
  readonly chain: string
}

/** Where to look. */
export interface NativePlace {
  readonly family: Family
  readonly table: TableName
  /** No more than these; absent: all of them. */
  readonly chains?: readonly string[]
}

export interface NativeRules {
  /** False when nft is missing or failed: then nothing is known. */
  readonly checked: boolean
  readonly rules: readonly NativeRule[]
}

const LIST_TIMEOUT_MS = 120_000

/**
 * Looks for rules with sets, maps or address ranges, which iptables-nft-save 1.8.9 prints without
 * them and without a word: `tcp dport { 80, 443 } accept` becomes `-p tcp -j ACCEPT`. Restoring such
 * a dump would open the firewall, so a snapshot of it is no way back. iptables itself never writes
 * these expressions. (What else it can not print makes iptables-save fail, or say so.)
 */
export async function findNativeRules(
  executor: Executor,
  places: readonly NativePlace[],
  signal?: AbortSignal,
): Promise<NativeRules> {
  if ((await executor.find('nft')) === undefined) return { checked: false, rules: [] }
  const rules: NativeRule[] = []
  let checked = true
  for (const place of places) {
    const { family, table } = place
    const chains = await listNative(executor, place, signal)
    if (chains === undefined) checked = false
    else rules.push(...chains.map((chain) => ({ family, table, chain })))
  }
  return { checked, rules }
}

/** Undefined: it is not known. */
async function listNative(
  executor: Executor,
  { family, table, chains }: NativePlace,
  signal: AbortSignal | undefined,
): Promise<readonly string[] | undefined> {
  const about = [family === 'ipv4' ? 'ip' : 'ip6', table]
  const list = async (words: readonly string[]): Promise<readonly string[] | undefined> => {
    const args = ['--json', 'list', ...words]
    const result = await executor.run({ program: 'nft', args, timeoutMs: LIST_TIMEOUT_MS, signal })
    if (result.status === 0) return chainsWithNativeRules(result.stdout)
    return result.stderr.includes('No such file or directory') ? [] : undefined
  }
  // nft takes ten times as long as iptables-save for a table, and one name for a word of its own.
  if (chains !== undefined && chains.length <= FEW_CHAINS && chains.every(isPlainName)) {
    const found = await Promise.all(chains.map((chain) => list(['chain', ...about, chain])))
    if (found.every((one) => one !== undefined)) return found.flat()
  }
  return list(['table', ...about])
}

const FEW_CHAINS = 8

function isPlainName(chain: string): boolean {
  return /^[A-Za-z][\w.-]*$/.test(chain)
}

/** The chain of each native rule in what `nft --json list table` prints; undefined: not that. */
export function chainsWithNativeRules(json: string): readonly string[] | undefined {
  let listing: { readonly nftables?: readonly { readonly rule?: ListedRule }[] }
  try {
    listing = JSON.parse(json)
  } catch {
    return undefined
  }
  return listing.nftables?.flatMap(({ rule }) =>
    rule && (rule.expr ?? []).some(isNative) ? [rule.chain] : [],
  )
}

interface ListedRule {
  readonly chain: string
  readonly expr?: readonly unknown[]
}

/** A statement, seen as far as it matters here. */
interface Statement {
  readonly vmap?: unknown
  readonly match?: { readonly left?: unknown; readonly right?: unknown }
}

function isNative(statement: unknown): boolean {
  const { vmap, match } = statement as Statement
  if (vmap !== undefined) return true
  if (match === undefined) return JSON.stringify(statement).includes('"map":')
  const { left, right } = match
  if (typeof right === 'string') return right.startsWith('@')
  if (typeof right !== 'object' || right === null) return false
  // Port ranges iptables writes itself, address ranges never (-m iprange is an xt match).
  return 'set' in right || ('range' in right && /"field":"[sd]addr"/.test(JSON.stringify(left)))
}

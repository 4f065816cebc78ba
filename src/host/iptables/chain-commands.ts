/** What can be done with chains. */

import { tokenise } from '../../iptables/tokenise.ts'
import { isBuiltinChain } from '../../ruleset/hooks.ts'
import type { TableName } from '../../ruleset/model.ts'
import { checkChain, checkNewChain, checkPolicy, refuseBuiltin } from './chain-name.ts'
import { callFailure, commandFailure } from './failure.ts'
import {
  type CallOptions,
  type Invoker,
  iptables,
  refusal,
  runIptables,
  runRestore,
} from './invoke.ts'
import { type Listing, readListing, readRuleLine } from './listing.ts'
import { iptablesReason, type Reason, reasonOf } from './reason.ts'

/** What `-S` says of a chain. Throws `chain-not-found`, whatever the back end calls that. */
export async function listChain(
  invoker: Invoker,
  place: Place,
  input: {
    readonly counters?: boolean
    readonly id?: number
    readonly options?: CallOptions | undefined
  } = {},
): Promise<Listing> {
  const { table, chain } = place
  checkChain(table, chain)
  const { counters = false, id, options } = input
  const args = ['-t', table, ...(counters ? ['-v'] : []), '-S', chain]
  if (id !== undefined) args.push(String(id))
  const result = await runIptables(invoker, args, options)
  if (result.status === 0) return readListing(result.stdout)
  const reason = reasonOf(result)
  const hidden = reason === 'chain-not-found' && result.stderr.includes('incompatible')
  // nft says "incompatible" of a chain that is not there, and of one that is not its own.
  const isThere = hidden && (await listTable(invoker, table, options)).hidden
  throw refusal(invoker, args, result, isThere ? 'incompatible-table' : reason)
}

export interface Place {
  readonly table: TableName
  readonly chain: string
}

export async function listTable(
  invoker: Invoker,
  table: TableName,
  options?: CallOptions,
): Promise<Listing> {
  return readListing(await iptables(invoker, ['-t', table, '-S'], options))
}

export async function chainExists(
  invoker: Invoker,
  place: Place,
  options?: CallOptions,
): Promise<boolean> {
  // Cheaper than listing the chain: its first rule.
  try {
    await listChain(invoker, place, { id: 1, options })
    return true
  } catch (error) {
    if (iptablesReason(error) === 'chain-not-found') return false
    throw error
  }
}

export async function newChain(
  invoker: Invoker,
  { table, chain }: Place,
  options?: CallOptions,
): Promise<void> {
  checkNewChain(table, chain)
  await iptables(invoker, ['-t', table, '-N', chain], options)
}

/** Makes it, or empties the one that is there, in one step. */
export async function clearChain(
  invoker: Invoker,
  { table, chain }: Place,
  options?: CallOptions,
): Promise<void> {
  if (isBuiltinChain(table, chain)) {
    const args = ['-t', table, '-F', chain]
    const result = await runIptables(invoker, args, options)
    // nft has no built-in chain before its first use.
    if (result.status === 0 || reasonOf(result) === 'chain-not-found') return
    throw refusal(invoker, args, result)
  }
  checkNewChain(table, chain)
  const text = `*${table}\n:${chain} - [0:0]\nCOMMIT\n`
  const result = await runRestore(invoker, text, options)
  if (result.status !== 0) throw batchRefusal(invoker, text, result)
}

export async function renameChain(
  invoker: Invoker,
  { table, chain, to }: Place & { readonly to: string },
  options?: CallOptions,
): Promise<void> {
  refuseBuiltin(table, chain, 'renamed')
  checkNewChain(table, to)
  await iptables(invoker, ['-t', table, '-E', chain, to], options)
}

export async function deleteChain(
  invoker: Invoker,
  place: Place,
  options?: CallOptions,
): Promise<void> {
  const { table, chain } = place
  refuseBuiltin(table, chain, 'deleted')
  const args = ['-t', table, '-X', chain]
  const result = await runIptables(invoker, args, options)
  if (result.status === 0) return
  throw refusal(invoker, args, result, await whyKept(invoker, place, result, options))
}

/** A chain that is not there is no error; one that is in use is left as it is, rules and all. */
export async function clearAndDeleteChain(
  invoker: Invoker,
  place: Place,
  options?: CallOptions,
): Promise<void> {
  const { table, chain } = place
  refuseBuiltin(table, chain, 'deleted')
  checkChain(table, chain)
  if (/[\s"\\]/.test(chain)) return
  const text = `*${table}\n-F ${chain}\n-X ${chain}\nCOMMIT\n`
  const result = await runRestore(invoker, text, options)
  if (result.status === 0) return
  const reason = reasonOf(result)
  if (reason !== 'unknown' && !BUSY.includes(reason) && reason !== 'chain-not-found') {
    throw batchRefusal(invoker, text, result)
  }
  if (!(await chainExists(invoker, place, options))) return
  throw batchRefusal(invoker, text, result, await whyKept(invoker, place, undefined, options))
}

/** All chains of the table that are not built in; none of them when one can not go. */
export async function deleteAll(
  invoker: Invoker,
  table: TableName,
  options?: CallOptions,
): Promise<void> {
  const args = ['-t', table, '-X']
  const result = await runIptables(invoker, args, options)
  if (result.status === 0) return
  const reason = await whyKept(invoker, { table, chain: undefined }, result, options)
  throw refusal(invoker, args, result, reason)
}

export async function changePolicy(
  invoker: Invoker,
  { table, chain, policy }: Place & { readonly policy: string },
  options?: CallOptions,
): Promise<void> {
  checkChain(table, chain)
  checkPolicy(policy)
  const args = ['-t', table, '-P', chain, policy]
  const result = await runIptables(invoker, args, options)
  if (result.status === 0) return
  // DROP in nat is refused in the words that are used for a rule.
  const reason = reasonOf(result)
  throw refusal(invoker, args, result, reason === 'invalid-rule' ? 'invalid-policy' : reason)
}

/** Throws `not-builtin-chain` for a chain that has none. */
export async function policyOf(
  invoker: Invoker,
  place: Place,
  options?: CallOptions,
): Promise<'ACCEPT' | 'DROP'> {
  const { chains } = await listChain(invoker, place, { options })
  const policy = chains[0]?.policy
  if (policy === 'ACCEPT' || policy === 'DROP') return policy
  throw callFailure(
    'not-builtin-chain',
    `Chain ${place.chain} of table ${place.table} has no policy`,
  )
}

const BUSY: readonly Reason[] = ['chain-not-empty', 'chain-in-use']

/**
 * Why a chain, or any of the table, was not deleted. nft says "busy" both of a chain that rules jump
 * to and of one that has rules; of both, legacy says the former.
 */
async function whyKept(
  invoker: Invoker,
  { table, chain }: { readonly table: TableName; readonly chain: string | undefined },
  result: Parameters<typeof reasonOf>[0] | undefined,
  options?: CallOptions,
): Promise<Reason> {
  const reason = result === undefined ? 'chain-not-empty' : reasonOf(result)
  if (!BUSY.includes(reason)) return reason
  const { lines, chains } = await listTable(invoker, table, options)
  const user = new Set(chains.filter((c) => c.policy === undefined).map((c) => c.name))
  const used = lines.some((line) => {
    const to = jumpOf(readRuleLine(line)?.text ?? '')
    return to !== undefined && (chain === undefined ? user.has(to) : to === chain)
  })
  return used ? 'chain-in-use' : 'chain-not-empty'
}

function jumpOf(text: string): string | undefined {
  const { words } = tokenise(text)
  // A prefix of a log may be `-j`, too, but a chain can not begin with a dash.
  const at = words.findLastIndex(
    (word, i) => /^-[jg]$/.test(word) && /^[^-]/.test(words[i + 1] ?? ''),
  )
  return at < 0 ? undefined : words[at + 1]
}

function batchRefusal(
  { programs }: Invoker,
  text: string,
  result: Awaited<ReturnType<typeof runRestore>>,
  reason: Reason = reasonOf(result),
): Error {
  const argv = [programs.restore, '--noflush']
  return commandFailure({ reason, argv, result, details: { input: text } })
}

/** What can be done with rules. */
import { isHiddenByAnother } from '../../plan/by-value.ts'
import { isBuiltinChain } from '../../ruleset/hooks.ts'
import type { Rule } from '../../ruleset/model.ts'
import { listChain, type Place } from './chain-commands.ts'
import { checkChain, checkPosition } from './chain-name.ts'
import { callFailure, commandFailure } from './failure.ts'
import { type CallOptions, type Invoker, refusal, runIptables, runRestore } from './invoke.ts'
import { readRules } from './listing.ts'
import { iptablesReason, type Reason, reasonOf } from './reason.ts'
import { type RuleMeaning, type RuleReading, ruleLine, ruleMeaning } from './rulespec.ts'

type Words = readonly string[]

/** Adds rules with `-A`, `-I` or `-R`; several of them in one step. */
export async function addRules(
  invoker: Invoker,
  place: Place,
  input: {
    readonly flag: '-A' | '-I' | '-R'
    readonly position?: number
    readonly rules: readonly Words[]
    readonly options?: CallOptions | undefined
  },
): Promise<void> {
  const { table, chain } = place
  const { flag, position, rules, options } = input
  checkChain(table, chain)
  if (position !== undefined) checkPosition(position)
  if (flag === '-R' && rules.length !== 1) {
    throw callFailure('invalid-rule', 'A rule can only be replaced by one rule', { rules })
  }
  const [first = [], ...more] = rules
  if (more.length === 0) {
    const at = position === undefined ? [] : [String(position)]
    const args = ['-t', table, flag, chain, ...at, ...first]
    const result = await runIptables(invoker, args, options)
    if (result.status === 0) return
    throw refusal(invoker, args, result, await whyNoChain(invoker, place, result, options))
  }
  const lines = rules.map((words, i) => {
    const at = position === undefined ? '' : ` ${position + i}`
    return `${flag} ${ruleLine([chain])}${at} ${ruleLine(words)}`
  })
  await restore(invoker, place, lines, options)
}

/**
 * legacy says "No chain/target/match by that name" of a chain, and also when the kernel has no module
 * for the rule; nft also of a built-in chain that was not used yet, which is an empty one.
 */
async function whyNoChain(
  invoker: Invoker,
  place: Place,
  result: Parameters<typeof reasonOf>[0],
  options?: CallOptions,
): Promise<Reason> {
  const reason = reasonOf(result)
  if (reason !== 'chain-not-found') return reason
  if (invoker.programs.dialect.backend === 'nft') {
    return isBuiltinChain(place.table, place.chain) ? 'index-out-of-range' : reason
  }
  try {
    await listChain(invoker, place, { id: 1, options })
    return 'refused-by-kernel'
  } catch (error) {
    return iptablesReason(error) ?? reason
  }
}

export async function liveRules(
  invoker: Invoker,
  place: Place,
  reading: RuleReading,
  options?: CallOptions & { readonly counters?: boolean },
): Promise<readonly Rule[]> {
  const { lines } = await listChain(invoker, place, {
    counters: options?.counters ?? false,
    options,
  })
  return readRules(lines, reading)
}

/** Whether all the rules are in the chain, in whatever words they were typed. */
export async function rulesExist(
  invoker: Invoker,
  place: Place,
  input: { readonly rules: readonly Words[]; readonly reading: RuleReading },
  options?: CallOptions,
): Promise<boolean> {
  const { reading } = input
  const meanings = input.rules.map((words) => ruleMeaning(words, reading))
  const keys = await liveKeys(invoker, place, reading, options)
  if (keys === undefined) return false
  for (const meaning of meanings) {
    if (meaning.keys.length > 0 && meaning.keys.every((key) => keys.has(key))) continue
    if (meaning.certain || !(await isKnown(invoker, place, meaning, options))) return false
  }
  return true
}

async function liveKeys(
  invoker: Invoker,
  place: Place,
  reading: RuleReading,
  options?: CallOptions,
): Promise<ReadonlySet<string> | undefined> {
  try {
    const rules = await liveRules(invoker, place, reading, options)
    return new Set(rules.map((rule) => rule.key))
  } catch (error) {
    if (iptablesReason(error) === 'chain-not-found') return undefined
    throw error
  }
}

const NO_SUCH_RULE: readonly Reason[] = ['rule-not-found', 'target-not-found', 'chain-not-found']

/** What iptables itself says, for a rule that fwctl can not read. */
async function isKnown(
  invoker: Invoker,
  { table, chain }: Place,
  { words }: RuleMeaning,
  options?: CallOptions,
): Promise<boolean> {
  if (!invoker.programs.features.check) return false
  const args = ['-t', table, '-C', chain, ...words]
  const result = await runIptables(invoker, args, options)
  if (result.status === 0) return true
  if (NO_SUCH_RULE.includes(reasonOf(result))) return false
  throw refusal(invoker, args, result)
}

/**
 * Deletes the first rule that iptables takes for this one, else the first one that means the same.
 * iptables does not find every rule by the text that it saved it with (facts: `-D` and `recent`,
 * `connlimit`, full ranges), and iptables-nft takes some for others (plan/by-value.ts): such a rule is
 * deleted by its number, just after it was read.
 */
export async function deleteRules(
  invoker: Invoker,
  place: Place,
  input: { readonly rules: readonly Words[]; readonly reading: RuleReading },
  options?: CallOptions,
): Promise<void> {
  const { table, chain } = place
  checkChain(table, chain)
  const meanings = input.rules.map((words) => ruleMeaning(words, input.reading))
  const [one] = meanings
  const args = ['-t', table, '-D', chain, ...(one?.words ?? [])]
  const isOne = one !== undefined && meanings.length === 1
  if (isOne && !(await isTakenForAnother(invoker, place, one, input.reading, options))) {
    const result = await runIptables(invoker, args, options)
    if (result.status === 0) return
    if (!NO_SUCH_RULE.includes(reasonOf(result))) throw refusal(invoker, args, result)
  }
  const live = await liveRules(invoker, place, input.reading, options)
  const keys = meanings.flatMap((meaning) => meaning.keys)
  const positions = findPositions(live, keys)
  if (positions === undefined || keys.length === 0) {
    throw callFailure('rule-not-found', `Chain ${chain} of table ${table} has no such rule`, {
      argv: [invoker.programs.iptables, ...args],
    })
  }
  const lines = positions
    .sort((a, b) => b - a)
    .map((position) => `-D ${ruleLine([chain])} ${position}`)
  await restore(invoker, place, lines, options)
}

/** Whether iptables-nft would delete another rule that is there in place of this one. */
async function isTakenForAnother(
  invoker: Invoker,
  place: Place,
  { words, keys }: RuleMeaning,
  reading: RuleReading,
  options?: CallOptions,
): Promise<boolean> {
  const { backend } = invoker.programs.dialect
  // An IPv6 address, or a match of which nothing is compared. Of other rules nothing has to be read.
  if (backend !== 'nft' || !words.some((word) => /:.*:|^(?:helper|connlabel)$/.test(word))) {
    return false
  }
  const live = await liveRules(invoker, place, reading, options).catch(() => [])
  const [position] = findPositions(live, keys) ?? []
  return position !== undefined && isHiddenByAnother(live, position)
}

/** False when there is no such rule, chain or jump target. */
export async function deleteIfThere(
  invoker: Invoker,
  place: Place,
  input: { readonly rules: readonly Words[]; readonly reading: RuleReading },
  options?: CallOptions,
): Promise<boolean> {
  // Not asked first: between the question and the deletion another may delete it.
  try {
    await deleteRules(invoker, place, input, options)
    return true
  } catch (error) {
    const reason = iptablesReason(error)
    if (reason !== undefined && NO_SUCH_RULE.includes(reason)) return false
    throw error
  }
}

/** A rule of its own for each key, the first ones; undefined when there are not enough. */
function findPositions(live: readonly Rule[], keys: readonly string[]): number[] | undefined {
  const taken = new Set<number>()
  for (const key of keys) {
    const at = live.findIndex((rule, i) => rule.key === key && !taken.has(i))
    if (at < 0) return undefined
    taken.add(at)
  }
  return [...taken].map((i) => i + 1)
}

export async function deleteById(
  invoker: Invoker,
  { table, chain }: Place,
  id: number,
  options?: CallOptions,
): Promise<void> {
  checkChain(table, chain)
  checkPosition(id)
  const args = ['-t', table, '-D', chain, String(id)]
  const result = await runIptables(invoker, args, options)
  if (result.status === 0) return
  throw refusal(invoker, args, result, await whyNoChain(invoker, { table, chain }, result, options))
}

export async function listById(
  invoker: Invoker,
  place: Place,
  id: number,
  options?: CallOptions,
): Promise<string> {
  checkPosition(id)
  const { lines } = await listChain(invoker, place, { id, options })
  const [line] = lines
  if (line !== undefined) return line
  // iptables exits with 0 and says nothing.
  throw callFailure('index-out-of-range', `Chain ${place.chain} has no rule ${id}`)
}

async function restore(
  invoker: Invoker,
  { table }: Place,
  lines: readonly string[],
  options?: CallOptions,
): Promise<void> {
  const text = `*${table}\n${lines.join('\n')}\nCOMMIT\n`
  const result = await runRestore(invoker, text, options)
  if (result.status === 0) return
  const argv = [invoker.programs.restore, '--noflush']
  throw commandFailure({ reason: reasonOf(result), argv, result, details: { input: text } })
}

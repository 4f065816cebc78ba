/**
 * Makes a batch safe against others who change a chain at the same moment, on nft, where nobody can
 * be kept out.
 *
 * Goals, and how each is met (all seen with iptables-nft-restore 1.8.9):
 * 1. The numbers of a batch are looked up once, when its COMMIT is read, and then stand for the
 *    kernel's own handles: whoever commits after that, and however often the program has to try
 *    again, the right rules are hit, or the block is refused because one of them is gone. What is left
 *    is the time between fwctl's last look and that moment.
 * 2. In it, no wrong rule is deleted: a rule that its chain has once goes by value (by-value.ts). If somebody took it
 *    away, the block is refused; if somebody inserted others before it, it is still the one that goes.
 * 3. What can not go by value (it has an equal in the chain, or iptables would not find it by its saved
 *    text) goes by its number, and the line before it prints the rule that has that number: `-v -S`
 *    answers from what the numbers are looked up in. So it is known afterwards what was hit, with its
 *    counters, and it can be put back.
 *    Where that would be many such lines for a chain, one line lists the whole chain instead: to print a
 *    rule by its number, iptables walks through all before it.
 * 4. A number that is merely inserted at destroys nothing; that a rule stands in a wrong place is seen
 *    when the rules are read back. `-A` and `-I CHAIN 1` can not even be misplaced.
 *
 * On legacy the xtables lock keeps others out, and a batch is run as it is.
 */
import type { Rule, Ruleset, TableName } from '../ruleset/model.ts'
import type { Batch, BatchLine, Hit } from './batch.ts'
import { isFoundByValue, likeness, likenesses } from './by-value.ts'
import { findTable } from './state.ts'

/** A batch as it is run. */
export interface GuardedBatch {
  readonly text: string
  /** `lines[n - 1]` is what line n of the text is about. */
  readonly lines: readonly BatchLine[]
  /** The rules that go by their numbers, in the order in which they do. */
  readonly witnesses: readonly Witness[]
  /** As it was asked for; absent: the batch is as it was. */
  readonly byValue?: boolean
}

/** A rule that goes by its number, and is printed before that. */
export interface Witness extends Hit {
  readonly table: TableName
  readonly chain: string
  /** The number of the listing, from 0, that it is printed in; absent: it is printed alone. */
  readonly listing?: number
}

/** A rule that was hit in place of another. */
export interface WrongHit {
  readonly expected: Witness
  /** As iptables-save -c would have printed it, `[packets:bytes] -A CHAIN …`. */
  readonly line: string
}

/** A batch as it is. */
export function unguarded({ text, lines }: Batch): GuardedBatch {
  return { text, lines, witnesses: [] }
}

export interface GuardLimits {
  /** How many rules may be read to find those that go by value: it takes some 1 µs for each. */
  readonly searched: number
  /** How many may be walked through to print those that go by their numbers: some 0.3 µs. */
  readonly passed: number
}

const LIMITS: GuardLimits = { searched: 100_000, passed: 100_000 }

/**
 * @param byValue False: everything goes by its number. For a rule that is there, and that iptables
 * does not find all the same.
 */
export function guardBatch(
  batch: Batch,
  live: Ruleset,
  byValue = true,
  limits: GuardLimits = LIMITS,
): GuardedBatch {
  if (batch.lines.every((line) => line.hits === undefined)) return unguarded(batch)
  return { ...(guardEach({ batch, live, byValue, limits }) ?? guardAll(batch)), byValue }
}

/** Undefined when it would take longer than to list the chains. */
function guardEach(input: {
  readonly batch: Batch
  readonly live: Ruleset
  readonly byValue: boolean
  readonly limits: GuardLimits
}): GuardedBatch | undefined {
  const { batch, live, byValue, limits } = input
  const lines: BatchLine[] = []
  const witnesses: Witness[] = []
  const chains = new Map<string, ChainState>()
  let searched = 0
  let passed = 0
  for (const line of batch.lines) {
    const { table, chain, hits, rule } = line
    if (chain === undefined) {
      lines.push(line)
      continue
    }
    const state = stateOf(chains, live, { table, chain })
    if (hits === undefined) {
      lines.push(line)
    } else if (byValue && state.isOnly(hits.rule) && searched + state.length <= limits.searched) {
      searched += state.length
      lines.push(...throughValue(line, hits))
    } else {
      passed += state.length
      if (passed > limits.passed) return undefined
      witnesses.push({ table, chain, ...hits })
      lines.push({ ...line, text: `-v -S ${chain} ${hits.position}` }, line)
    }
    if (rule !== undefined) state.written.add(likeness(rule.text))
  }
  return { text: textOf(lines), lines, witnesses }
}

/** Everything by its number, behind a line that lists the chain. */
function guardAll(batch: Batch): GuardedBatch {
  const lines: BatchLine[] = []
  const witnesses: Witness[] = []
  let count = 0
  // Of the block: the next one begins with other numbers.
  let listings = new Map<string, number>()
  for (const line of batch.lines) {
    const { table, chain, hits } = line
    if (chain === undefined) listings = new Map()
    else if (hits !== undefined) {
      // Before the first of its rules goes: they have the numbers then that they are hit by.
      if (!listings.has(chain)) {
        lines.push({ table, chain, text: `-v -S ${chain}` })
        listings.set(chain, count++)
      }
      witnesses.push({ table, chain, ...hits, listing: listings.get(chain) as number })
    }
    lines.push(line)
  }
  return { text: textOf(lines), lines, witnesses }
}

function textOf(lines: readonly BatchLine[]): string {
  return lines.map((line) => `${line.text}\n`).join('')
}

/** What restore printed, against what it should have. Undefined: it can not be told. */
export function wrongHits(
  witnesses: readonly Witness[],
  stdout: string,
): readonly WrongHit[] | undefined {
  const isListed = witnesses.some((witness) => witness.listing !== undefined)
  return isListed ? wrongInListings(witnesses, stdout) : wrongAmong(witnesses, stdout)
}

function wrongAmong(
  witnesses: readonly Witness[],
  stdout: string,
): readonly WrongHit[] | undefined {
  const printed = stdout.split('\n').filter((line) => line.startsWith('-A '))
  if (printed.length !== witnesses.length) return undefined
  return witnesses.flatMap((expected, index) => wrongHit(expected, printed[index] as string))
}

/** Each listing begins with the `-N` or `-P` of its chain; what else does may be part of a comment. */
function wrongInListings(
  witnesses: readonly Witness[],
  stdout: string,
): readonly WrongHit[] | undefined {
  const chains = new Map(witnesses.map(({ listing = 0, chain }) => [listing, chain]))
  const listings: string[][] = []
  for (const line of stdout.split('\n')) {
    const next = chains.get(listings.length)
    if (line === `-N ${next}` || line.startsWith(`-P ${next} `)) listings.push([])
    else if (line.startsWith('-A ')) listings.at(-1)?.push(line)
  }
  if (listings.length !== chains.size) return undefined
  return witnesses.flatMap((expected) => {
    const line = listings[expected.listing ?? -1]?.[expected.position - 1]
    // Where the chain is shorter by now, the number hits nothing, and the block is refused.
    return line === undefined ? [] : wrongHit(expected, line)
  })
}

function wrongHit(expected: Witness, printed: string): readonly WrongHit[] {
  const line = counted(printed)
  const text = line.slice(line.indexOf('-A '))
  const isExpected = text === `-A ${expected.chain} ${expected.rule.text}`.trimEnd()
  return isExpected ? [] : [{ expected, line }]
}

interface ChainState {
  readonly length: number
  /** The likenesses of what earlier lines of the batch write into the chain. */
  readonly written: Set<string>
  /** Whether a deletion by value can only mean this rule. */
  readonly isOnly: (rule: Rule) => boolean
}

function stateOf(
  chains: Map<string, ChainState>,
  live: Ruleset,
  { table, chain }: { readonly table: TableName; readonly chain: string },
): ChainState {
  const known = chains.get(`${table} ${chain}`)
  if (known !== undefined) return known
  const rules = findTable(live, table)?.chains.find((one) => one.name === chain)?.rules ?? []
  const alike = likenesses(rules)
  const written = new Set<string>()
  const isOnly = ({ text }: Rule): boolean => {
    const like = likeness(text)
    return alike.get(like)?.count === 1 && !written.has(like) && isFoundByValue(text)
  }
  const state = { length: rules.length, written, isOnly }
  chains.set(`${table} ${chain}`, state)
  return state
}

function throughValue(line: BatchLine, { position, rule }: Hit): BatchLine[] {
  const { chain = '', table } = line
  const deletion = { table, chain, rule, text: `-D ${chain} ${rule.text}`.trimEnd() }
  const [, prefix = '', replacement] = /^(\[\d+:\d+\] )?-R \S+ \d+(.*)$/.exec(line.text) ?? []
  if (replacement === undefined) return [deletion]
  const { hits: _, ...rest } = line
  const text = `${prefix}-I ${chain} ${position}${replacement}`
  return [deletion, { ...rest, at: position, text }]
}

/** `-A CHAIN … -c 1 100 -j ACCEPT` with its counters in front. */
function counted(line: string): string {
  for (const found of line.matchAll(/ -c (\d+) (\d+)(?= -[jg] |$)/g)) {
    const before = line.slice(0, found.index)
    // Inside of quotes it is somebody's comment.
    if (before.replaceAll(/\\./g, '').split('"').length % 2 === 0) continue
    const [words, packets, bytes] = found
    return `[${packets}:${bytes}] ${before}${line.slice(found.index + words.length)}`
  }
  return line
}

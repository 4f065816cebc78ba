/**
 * Makes a batch safe against others who change a chain at the same moment, on nft, where nobody can
 * be kept out.
 *
 * Goals, and how each is met (all seen with iptables-nft-restore 1.8.9):
 * 1. The numbers of a batch are looked up once, when its COMMIT is read, and then stand for the
 *    kernel's own handles: whoever commits after that, and however often the program has to try
 *    again, the right rules are hit, or the block is refused because one of them is gone. What is left
 *    is the time between fwctl's last look and that moment.
 * 2. In it, no wrong rule is deleted: a rule that its chain has once goes by value. If somebody took it
 *    away, the block is refused; if somebody inserted others before it, it is still the one that goes.
 * 3. What can not go by value (it has an equal in the chain, or iptables would not find it by its saved
 *    text) goes by its number, and the line before it prints the rule that has that number: `-v -S`
 *    answers from what the numbers are looked up in. So it is known afterwards what was hit, with its
 *    counters, and it can be put back.
 * 4. A number that is merely inserted at destroys nothing; that a rule stands in a wrong place is seen
 *    when the rules are read back. `-A` and `-I CHAIN 1` can not even be misplaced.
 *
 * On legacy the xtables lock keeps others out, and a batch is run as it is.
 */
import type { Rule, Ruleset, TableName } from '../ruleset/model.ts'
import type { Batch, BatchLine, Hit } from './batch.ts'
import { findTable } from './state.ts'

/** A batch as it is run. */
export interface GuardedBatch {
  readonly text: string
  /** `lines[n - 1]` is what line n of the text is about. */
  readonly lines: readonly BatchLine[]
  /** The rules that restore prints, in this order, if all is as expected. */
  readonly witnesses: readonly Witness[]
}

/** A rule that goes by its number, and is printed before that. */
export interface Witness extends Hit {
  readonly table: TableName
  readonly chain: string
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

/** Looking for a rule by value reads the chain: some 4 µs a rule. */
const SEARCHED_RULES = 100_000

/**
 * @param byValue False: everything goes by its number. For a rule that is there, and that iptables
 * does not find all the same.
 */
export function guardBatch(batch: Batch, live: Ruleset, byValue = true): GuardedBatch {
  const lines: BatchLine[] = []
  const witnesses: Witness[] = []
  const chains = new Map<string, ChainState>()
  let searched = 0
  for (const line of batch.lines) {
    const { table, chain, hits, rule } = line
    if (chain === undefined) {
      lines.push(line)
      continue
    }
    const state = stateOf(chains, live, { table, chain })
    if (hits === undefined) {
      lines.push(line)
    } else if (byValue && state.isOnly(hits.rule) && searched + state.length <= SEARCHED_RULES) {
      searched += state.length
      lines.push(...throughValue(line, hits))
    } else {
      witnesses.push({ table, chain, ...hits })
      lines.push({ ...line, text: `-v -S ${chain} ${hits.position}` }, line)
    }
    if (rule !== undefined) state.written.add(rule.text)
  }
  return { text: lines.map((line) => `${line.text}\n`).join(''), lines, witnesses }
}

/** What restore printed, against what it should have. Undefined: it can not be told. */
export function wrongHits(
  witnesses: readonly Witness[],
  stdout: string,
): readonly WrongHit[] | undefined {
  const printed = stdout.split('\n').filter((line) => line.startsWith('-A '))
  if (printed.length !== witnesses.length) return undefined
  return witnesses.flatMap((expected, index): WrongHit[] => {
    const line = counted(printed[index] as string)
    const text = line.slice(line.indexOf('-A '))
    const isExpected = text === `-A ${expected.chain} ${expected.rule.text}`.trimEnd()
    return isExpected ? [] : [{ expected, line }]
  })
}

interface ChainState {
  readonly length: number
  /** What earlier lines of the batch write into the chain. */
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
  const counts = new Map<string, number>()
  for (const { text } of rules) counts.set(text, (counts.get(text) ?? 0) + 1)
  const written = new Set<string>()
  const isOnly = ({ text }: Rule): boolean =>
    counts.get(text) === 1 && !written.has(text) && isFound(text)
  const state = { length: rules.length, written, isOnly }
  chains.set(`${table} ${chain}`, state)
  return state
}

/**
 * Some rules are not found by the text that they are saved as, because a default that the save spells
 * out is stored in another way (seen of `recent` and `connlimit` with their default masks, and of full
 * ranges; the rest is caution), and a blank in the name of an interface can not be written.
 */
function isFound(text: string): boolean {
  return !/ -m (recent|connlimit|ah|esp|ipcomp|frag|rt|mh|dccp)\b|-type any|[\n]/.test(` ${text}`)
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

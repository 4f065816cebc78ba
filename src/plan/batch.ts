/**
 * The one `iptables-restore --noflush --counters` input that turns live into target.
 *
 * Goals, and how each is met:
 * 1. Atomic per table: one `*table … COMMIT` block for each table that changes (two where it has to
 *    deny before others change and accept after them, see commit-order.ts). A table without changes
 *    has no block: a commit resets the quota and limit state of a legacy table and costs an RCU grace
 *    period on nft. No changes at all: an empty text, and nothing is run.
 * 2. What stays is not touched. Edits are by number, against the positions of the live rules. Only a
 *    chain of ours alone is flushed and written anew, counters included, where that is much cheaper
 *    (edit-cost.ts) and no rule in it remembers more than its counters. `:NAME -` would empty an
 *    existing user-defined chain, so it is written for new ones only.
 * 3. Numbers stay true while the block runs. Both back ends apply the lines of a block one after the
 *    other, so per chain: `-R` first (moves nothing), then `-D` from the highest number down (what is
 *    below keeps its number), then `-I` from the lowest up (all before it is in its final place).
 * 4. Counters go along: changed and moved rules are written as `[packets:bytes] -R …`. A policy line
 *    carries the live counters, because it sets them; on legacy every built-in chain of the table
 *    gets one, because any commit resets them. ip6tables-nft ignores rule counters, see
 *    `carriesCounters`.
 * 5. References hold: new chains come first, `-F` of the chains that go comes after all edits (the
 *    last jumps to them are gone by then, but for those among themselves), all `-X` come last.
 * 6. A foreign rule is deleted by value: if its owner moved it meanwhile, its rule goes and not the
 *    one that stands at its number now. (By number after all where iptables might take another
 *    rule for it, see by-value.ts.)
 * 7. One rule is one line: control characters and lines that restore would cut are refused here,
 *    whatever was checked before. Never `-E` (nft breaks on it), never the same chain line twice.
 */
import { FwctlError } from '../base/error.ts'
import { type ForeignPatterns, KNOWN_TOOLS } from '../policy/policy.ts'
import {
  type Chain,
  type Counters,
  type Dialect,
  type Rule,
  type Ruleset,
  TABLES,
  type Table,
  type TableName,
} from '../ruleset/model.ts'
import type { Change } from './change.ts'
import { commitSteps, type Step } from './commit-order.ts'
import { type ChainPair, pairChains } from './diff.ts'
import { EDIT_COSTS, type EditCosts } from './edit-cost.ts'
import { type EditLine, editLines, type SharedChain } from './edit-lines.ts'
import { isForeignChain } from './foreign.ts'
import { findTable } from './state.ts'
import { namesIn } from './touched.ts'

/** The longest line that iptables-restore reads in one piece, in bytes without the newline. */
const LINE_BYTES = 10_239

/** One line of a batch and what it is about: where a refusal `line N failed` leads back to. */
export interface BatchLine {
  readonly text: string
  readonly table: TableName
  readonly chain?: string
  /** The rule that the line writes or deletes; `origin` says which line of the policy it is. */
  readonly rule?: Rule
  /** The live rule that the line deletes or overwrites by its number. */
  readonly hits?: Hit
  /** Where the line inserts its rule by number. */
  readonly at?: number
}

/** A rule that is addressed by its number: what is expected to stand there when the line is run. */
export interface Hit {
  readonly position: number
  readonly rule: Rule
}

export interface Batch {
  /** Empty when nothing changes, else it ends with a newline. */
  readonly text: string
  /** `lines[n - 1]` is line n of the text. */
  readonly lines: readonly BatchLine[]
  /** The tables that change, each once, in the order of their first blocks. */
  readonly tables: readonly TableName[]
}

/**
 * `foreign` says how rules of other tools are recognised. Throws `refused` when a rule can not be written as one safe line or jumps to a chain that goes away.
 */
export function buildBatch(input: {
  readonly live: Ruleset
  readonly target: Ruleset
  readonly dialect: Dialect
  readonly foreign?: ForeignPatterns
  /** What differs between the two, where that is known; absent: all chains are looked at. */
  readonly changes?: readonly Change[]
  /** What decides on the form of the edits; for tests, which want each. */
  readonly costs?: EditCosts
}): Batch {
  if (input.changes?.length === 0) return { text: '', lines: [], tables: [] }
  const { live, target, dialect, foreign = KNOWN_TOOLS } = input
  const { backend } = dialect
  // Where restore can not set counters, a rule that is written anew would lose its own.
  const costs = carriesCounters(dialect) ? (input.costs ?? EDIT_COSTS[backend]) : undefined
  const lines: BatchLine[] = []
  const tables: TableName[] = []
  const blockOf = (step: Step, edited?: ReadonlySet<string>): Block => {
    const pairs = pairChains(step.table, step.live, step.target)
    return { ...step, lines: tableLines({ ...step, pairs, edited, backend, foreign, costs }) }
  }
  const { changes } = input
  const changing = stepsPerTable(live, target)
    .map((step) => blockOf(step, changes && namesIn(changes, step.table)))
    .filter(isChange)
  const steps = changing.length < 2 ? undefined : commitSteps(live, target)
  const blocks = steps?.map((step) => blockOf(step)).filter(isChange) ?? changing
  for (const { table, target: after, lines: block } of blocks) {
    if (!tables.includes(table)) tables.push(table)
    refuseDanglingJumps(after, block)
    for (const line of [{ text: `*${table}` }, ...block, { text: 'COMMIT' }]) {
      lines.push({ ...line, table })
    }
  }
  for (const line of lines) refuseUnsafe(line)
  return { text: lines.map((line) => `${line.text}\n`).join(''), lines, tables }
}

/**
 * Whether restore can set the counters of a rule. ip6tables-nft reads `[packets:bytes]` and `-c` and
 * then starts every rule at zero (seen with 1.8.9; iptables-nft and both legacy programs set them).
 */
export function carriesCounters(dialect: Dialect): boolean {
  return !(dialect.backend === 'nft' && dialect.family === 'ipv6')
}

type Line = Omit<BatchLine, 'table'>

interface Block extends Step {
  readonly lines: readonly Line[]
}

function stepsPerTable(live: Ruleset, target: Ruleset): readonly Step[] {
  return TABLES.map((table) => ({
    table,
    live: findTable(live, table),
    target: findTable(target, table),
  }))
}

function isChange(block: Block): boolean {
  return block.lines.length > 0
}

function tableLines(input: {
  readonly table: TableName
  readonly pairs: readonly ChainPair[]
  /** The chains that have edits; absent: any may. */
  readonly edited?: ReadonlySet<string> | undefined
  readonly backend: Dialect['backend']
  readonly foreign: ForeignPatterns
  readonly costs: EditCosts | undefined
}): Line[] {
  const { table, pairs, edited, backend, foreign, costs } = input
  const added = pairs.filter((pair) => pair.live === undefined)
  const removed = pairs.filter((pair) => pair.target === undefined)
  const policies = pairs.filter((pair) => pair.isBuiltin && changesPolicy(pair))
  const edits = pairs
    .filter((pair) => pair.target !== undefined && edited?.has(pair.name) !== false)
    .flatMap((pair) =>
      chainLines(pair, { place: { table, chain: pair.name }, patterns: foreign }, costs),
    )
  if (added.length + removed.length + policies.length + edits.length === 0) return []
  const policyLines = backend === 'legacy' ? pairs.filter((pair) => pair.isBuiltin) : policies
  return [
    ...added.map(({ name }) => ({ text: `:${name} - [0:0]`, chain: name })),
    ...policyLines.map(policyLine),
    ...edits,
    ...removed
      .filter((pair) => (pair.live?.rules.length ?? 0) > 0)
      .map(({ name }) => ({ text: `-F ${name}`, chain: name })),
    ...removed.map(({ name }) => ({ text: `-X ${name}`, chain: name })),
  ]
}

function changesPolicy(pair: ChainPair): boolean {
  return pair.live?.policy !== pair.target?.policy
}

function policyLine({ name, live, target }: ChainPair): Line {
  const { packets = 0n, bytes = 0n } = live?.counters ?? {}
  return { text: `:${name} ${target?.policy ?? 'ACCEPT'} [${packets}:${bytes}]`, chain: name }
}

/** The edits of one chain. */
function chainLines(pair: ChainPair, shared: SharedChain, costs: EditCosts | undefined): Line[] {
  const { name, isBuiltin } = pair
  const rules = { live: rulesOf(pair.live), target: rulesOf(pair.target) }
  const foreign = (): SharedChain | undefined =>
    isBuiltin || isForeignChain(name, shared.patterns) ? shared : undefined
  return editLines({ ...rules, foreign, costs }).map((edit) => ({
    text: restoreLine(name, edit),
    chain: name,
    ...('rule' in edit && { rule: edit.rule }),
    ...aim(edit),
  }))
}

function aim(edit: EditLine): Pick<BatchLine, 'hits' | 'at'> {
  switch (edit.kind) {
    case 'replace':
      return { hits: { position: edit.position, rule: edit.before } }
    case 'delete':
      return { hits: { position: edit.position, rule: edit.rule } }
    case 'insert':
      return { at: edit.position }
    case 'append':
    case 'delete-value':
    case 'flush':
      return {}
  }
}

function rulesOf(chain: Chain | undefined): readonly Rule[] {
  return chain?.rules ?? []
}

function restoreLine(chain: string, edit: EditLine): string {
  switch (edit.kind) {
    case 'replace':
      return ruleLine(edit.counters, `-R ${chain} ${edit.position} ${edit.rule.text}`)
    case 'delete':
      return `-D ${chain} ${edit.position}`
    case 'delete-value':
      return ruleLine(undefined, `-D ${chain} ${edit.rule.text}`)
    case 'insert':
      return ruleLine(edit.counters, `-I ${chain} ${edit.position} ${edit.rule.text}`)
    case 'flush':
      return `-F ${chain}`
    case 'append':
      return ruleLine(edit.counters, `-A ${chain} ${edit.rule.text}`)
  }
}

function ruleLine(counters: Counters | undefined, command: string): string {
  const { packets = 0n, bytes = 0n } = counters ?? {}
  const prefix = packets === 0n && bytes === 0n ? '' : `[${packets}:${bytes}] `
  return `${prefix}${command}`.trimEnd()
}

/** The kernel would refuse the whole block too, but only with "Device or resource busy". */
function refuseDanglingJumps(target: Table | undefined, block: readonly Line[]): void {
  const removed = new Set(
    block.filter((line) => line.text.startsWith('-X ')).map((line) => line.chain),
  )
  if (removed.size === 0) return
  for (const chain of target?.chains ?? []) {
    for (const rule of chain.rules) {
      // The text first: it spares the reading of rules that can not be meant.
      const isNamed = [...removed].some((name) => rule.text.includes(name ?? ''))
      if (!isNamed || !removed.has(rule.spec.target?.name)) continue
      throw new FwctlError(
        'refused',
        `the chain ${rule.spec.target?.name} can not be deleted: a rule of ${target?.name} ` +
          `${chain.name} jumps to it. The host was not touched.`,
        { details: { table: target?.name, chain: chain.name, rule: rule.text } },
      )
    }
  }
}

function refuseUnsafe(line: BatchLine): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
  const problem = /[\u0000-\u0008\u000a-\u001f\u007f]/.test(line.text)
    ? 'holds a control character'
    : Buffer.byteLength(line.text) > LINE_BYTES
      ? `is longer than the ${LINE_BYTES} bytes that iptables-restore reads as one line`
      : undefined
  if (problem === undefined) return
  throw new FwctlError(
    'refused',
    `a rule of ${line.table} ${line.chain ?? ''} ${problem}. The host was not touched.`,
    { details: { table: line.table, chain: line.chain, origin: line.rule?.origin } },
  )
}

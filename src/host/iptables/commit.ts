/** Hands a batch to iptables-restore, and finds out why when it is refused. */

import { FwctlError } from '../../base/error.ts'
import { parseRule } from '../../iptables/parse-rule.ts'
import { ruleKey } from '../../iptables/rule-key.ts'
import { parseSave } from '../../iptables/save.ts'
import { isHiddenByAnother } from '../../plan/by-value.ts'
import type { Rule, TableName } from '../../ruleset/model.ts'
import type { Result } from '../executor.ts'
import { readRefusal } from '../restore.ts'
import { callFailure, commandFailure } from './failure.ts'
import { type FakeKernel, loadRuleset } from './fake-kernel.ts'
import { runFakeRestore } from './fake-restore.ts'
import { type CallOptions, type Invoker, runRestore, runSave } from './invoke.ts'
import { type Reason, reasonOf } from './reason.ts'
import { type RuleReading, ruleLine } from './rulespec.ts'
import type { Batch, BatchLine } from './transaction.ts'

export async function commitBatch(
  invoker: Invoker,
  { blocks }: Batch,
  reading: RuleReading,
  options: CallOptions = {},
): Promise<void> {
  if (blocks.size === 0) return
  const text: string[] = []
  for (const [table, lines] of blocks) {
    const live = lines.some((line) => typeof line !== 'string')
      ? await readLive(invoker, table, reading, options)
      : undefined
    const written = lines.map((line, index) =>
      batchLine(line, { live, reading, earlier: () => lines.slice(0, index) }),
    )
    text.push(`*${table}`, ...written, 'COMMIT')
  }
  const input = `${text.join('\n')}\n`
  if (options.signal?.aborted) {
    throw new FwctlError('cancelled', 'Cancelled before the transaction. Nothing was changed.', {
      details: { reason: 'cancelled' },
    })
  }
  // Between two tables a killed restore would leave half of the batch behind.
  const { signal, ...unstoppable } = options
  const result = await runRestore(
    invoker,
    input,
    blocks.size > 1 ? unstoppable : { signal, ...unstoppable },
  )
  if (result.status === 0) return
  throw await refusedBatch(invoker, { input, result, reading }, options)
}

type LiveChains = ReadonlyMap<string, readonly Rule[]>

async function readLive(
  invoker: Invoker,
  table: TableName,
  { dialect, names }: RuleReading,
  options: CallOptions,
): Promise<LiveChains> {
  const dump = await runSave(invoker, table, options)
  const { ruleset } = parseSave(dump, { family: dialect.family, dialect, names })
  const chains = ruleset.tables.flatMap((one) => one.chains)
  return new Map(chains.map(({ name, rules }) => [name, rules]))
}

interface LineContext {
  readonly live: LiveChains | undefined
  readonly reading: RuleReading
  readonly earlier: () => readonly BatchLine[]
}

/** A rule that is live in other words is deleted in those, or by its number if they mean another one. */
function batchLine(line: BatchLine, { live, reading, earlier }: LineContext): string {
  if (typeof line === 'string') return line
  const { chain, words } = line
  const { specs } = parseRule(words, reading)
  const [spec] = specs
  const key = spec && specs.length === 1 ? ruleKey(spec, reading.dialect.family) : undefined
  const rules = live?.get(chain) ?? []
  const position = rules.findIndex((rule) => rule.key === key && !rule.text.includes('\n')) + 1
  const name = ruleLine([chain])
  if (position > 0 && reading.dialect.backend === 'nft' && isHiddenByAnother(rules, position)) {
    if (earlier().every((one) => !isAbout(chain, one))) return `-D ${name} ${position}`
    const what = `iptables-nft would delete another rule of ${chain} in place of ${ruleLine(words)}`
    const advice = 'delete it before anything else is done to the chain, or by its number'
    throw callFailure('invalid-rule', `${what}; ${advice}`, { chain, words })
  }
  return `-D ${name} ${rules[position - 1]?.text ?? ruleLine(words)}`.trimEnd()
}

function isAbout(chain: string, line: BatchLine): boolean {
  if (typeof line !== 'string') return line.chain === chain
  const name = ruleLine([chain])
  return line === '-F' || line.startsWith(`:${name} `) || `${line} `.startsWith(` ${name} `, 2)
}

/**
 * legacy says no more than the number of a line: the batch is then played through on a copy of what
 * is live, which says why.
 */
async function refusedBatch(
  invoker: Invoker,
  refused: { readonly input: string; readonly result: Result; readonly reading: RuleReading },
  options: CallOptions,
): Promise<FwctlError> {
  const { input, result, reading } = refused
  const { dialect, names } = reading
  const kernel: FakeKernel = { dialect, names, tables: new Map() }
  const blocks = input.match(/^\*.*$/gm) ?? []
  let reason: Reason = reasonOf(result)
  const vague: readonly Reason[] = ['unknown', 'chain-not-found', 'chain-not-empty', 'invalid-rule']
  let line = readRefusal(result.stderr).lines[0]
  if (vague.includes(reason)) {
    const dumps = await Promise.all(
      blocks.map((block) => runSave(invoker, block.slice(1), options).catch(() => '')),
    )
    const { ruleset } = parseSave(dumps.join(''), { family: dialect.family, dialect, names })
    loadRuleset(kernel, ruleset)
    const stop = runFakeRestore(kernel, input)
    if (stop) {
      reason = stop.refusal.reason
      line ??= stop.line
    }
  }
  const before = input.split('\n').slice(0, line ?? 0)
  const committed = before.slice(0, -1).filter((one) => one === 'COMMIT').length
  return commandFailure({
    reason,
    argv: [invoker.programs.restore, '--noflush'],
    result,
    details: {
      input,
      line,
      text: line === undefined ? undefined : before.at(-1),
      committed: blocks.slice(0, committed).map((block) => block.slice(1)),
    },
  })
}

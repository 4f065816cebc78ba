/**
 * A batch of calls as one input of iptables-restore.
 *
 * Goals, and how each is met:
 * 1. All or nothing, and no packet sees half of it: the calls of one table are one block, which the
 *    kernel takes in one step. Tables are separate steps for the kernel, in the order of first use.
 * 2. The same call means the same as outside: the lines are what `iptables` itself would be given;
 *    names and positions are checked alike.
 * 3. Nothing but the call: a word with a newline, which would begin a line of its own, is refused.
 */
import { isBuiltinChain } from '../../ruleset/hooks.ts'
import { TABLES, type TableName } from '../../ruleset/model.ts'
import {
  checkChain,
  checkNewChain,
  checkPolicy,
  checkPosition,
  refuseBuiltin,
} from './chain-name.ts'
import { callFailure } from './failure.ts'
import { type RuleReading, type Rulespec, ruleLine, ruleMeaning, ruleWords } from './rulespec.ts'

/** Collects calls; nothing is run before all of them are. Each throws at once for what is no rule. */
export interface Transaction {
  append(table: TableName, chain: string, rule: Rulespec): void
  insert(table: TableName, chain: string, position: number, rule: Rulespec): void
  replace(table: TableName, chain: string, position: number, rule: Rulespec): void
  /** By meaning, as far as the rule is there before the transaction; one that is not refuses it. */
  delete(table: TableName, chain: string, rule: Rulespec): void
  deleteById(table: TableName, chain: string, id: number): void
  newChain(table: TableName, chain: string): void
  /** Makes the chain, or empties it. */
  clearChain(table: TableName, chain: string): void
  deleteChain(table: TableName, chain: string): void
  changePolicy(table: TableName, chain: string, policy: string): void
  /** Empties all chains of the table. */
  clearAll(table: TableName): void
}

/** A line, or a rule to delete whose words depend on what is live. */
export type BatchLine = string | { readonly chain: string; readonly words: readonly string[] }

export interface Batch {
  readonly blocks: ReadonlyMap<TableName, readonly BatchLine[]>
}

export function startTransaction(reading: RuleReading): {
  readonly transaction: Transaction
  readonly batch: Batch
} {
  const blocks = new Map<TableName, BatchLine[]>()
  /** Chains that the batch itself made (true) or deleted (false). */
  const made = new Map<string, boolean>()
  const add = (table: TableName, ...lines: readonly BatchLine[]): void => {
    if (!TABLES.includes(table)) throw callFailure('table-not-found', `There is no table ${table}`)
    const block = blocks.get(table)
    // One by one: a call takes only so many arguments.
    if (block) for (const line of lines) block.push(line)
    else blocks.set(table, [...lines])
  }
  const rules = (rule: Rulespec): readonly string[] => ruleWords(rule, reading).map(ruleLine)
  const place = (table: TableName, chain: string): string => {
    checkChain(table, chain)
    return ruleLine([chain])
  }
  const mark = (table: TableName, chain: string, exists: boolean): void => {
    made.set(`${table} ${chain}`, exists)
  }
  const transaction: Transaction = {
    append: (table, chain, rule) => {
      const name = place(table, chain)
      add(table, ...rules(rule).map((line) => `-A ${name} ${line}`.trimEnd()))
    },
    insert: (table, chain, position, rule) => {
      checkPosition(position)
      const name = place(table, chain)
      add(table, ...rules(rule).map((line, i) => `-I ${name} ${position + i} ${line}`.trimEnd()))
    },
    replace: (table, chain, position, rule) => {
      checkPosition(position)
      const name = place(table, chain)
      const [line = '', ...more] = rules(rule)
      if (more.length > 0) {
        throw callFailure('invalid-rule', 'A rule can only be replaced by one rule')
      }
      // iptables-nft-restore 1.8.9 crashes on `-R` of a rule that the same batch has added.
      add(table, `-D ${name} ${position}`, `-I ${name} ${position} ${line}`.trimEnd())
    },
    delete: (table, chain, rule) => {
      place(table, chain)
      for (const words of ruleWords(rule, reading)) {
        ruleLine(words)
        add(table, { chain, words: ruleMeaning(words, reading).words })
      }
    },
    deleteById: (table, chain, id) => {
      checkPosition(id)
      add(table, `-D ${place(table, chain)} ${id}`)
    },
    newChain: (table, chain) => {
      checkNewChain(table, chain)
      add(table, `-N ${chain}`)
      mark(table, chain, true)
    },
    clearChain: (table, chain) => {
      const builtin = isBuiltinChain(table, chain)
      if (!builtin) checkNewChain(table, chain)
      const exists = made.get(`${table} ${chain}`)
      // Declared twice, legacy refuses it and nft forgets the rules given before. A built-in chain
      // is declared for nft, which has none before its first use; that does not flush it.
      if (exists === undefined) add(table, `:${chain} - [0:0]`)
      else if (!exists) add(table, `-N ${chain}`)
      if (exists || builtin) add(table, `-F ${chain}`)
      mark(table, chain, true)
    },
    deleteChain: (table, chain) => {
      refuseBuiltin(table, chain, 'deleted')
      add(table, `-X ${place(table, chain)}`)
      mark(table, chain, false)
    },
    changePolicy: (table, chain, policy) => {
      checkPolicy(policy)
      add(table, `-P ${place(table, chain)} ${policy}`)
    },
    clearAll: (table) => add(table, '-F'),
  }
  return { transaction, batch: { blocks } }
}

/** The client: everything that programs do with iptables, as calls of one object. */
import { BUILTIN_NAMES } from '../../extensions/builtin-names.ts'
import type { Names } from '../../extensions/names.ts'
import {
  type Backend,
  type Dialect,
  type Family,
  type Rule,
  TABLES,
  type TableName,
} from '../../ruleset/model.ts'
import type { BackendChoice } from '../backend.ts'
import type { Executor } from '../executor.ts'
import { localExecutor } from '../local-executor.ts'
import { readNames } from '../names.ts'
import * as chains from './chain-commands.ts'
import { commitBatch } from './commit.ts'
import { callFailure } from './failure.ts'
import { type CallOptions, type Invoker, iptables, runSave } from './invoke.ts'
import { withCountersAtEnd } from './listing.ts'
import { findPrograms } from './program.ts'
import * as rules from './rule-commands.ts'
import { type RuleReading, type Rulespec, ruleWords } from './rulespec.ts'
import { parseStat, type Stat, type StatRow, statRow } from './stats.ts'
import { startTransaction, type Transaction } from './transaction.ts'

export interface IPTablesOptions {
  /** Default `ipv4`. */
  readonly family?: Family
  /** The program, in place of `iptables` or `ip6tables`; `-save` and `-restore` stand beside it. */
  readonly path?: string
  /** Default `auto`: whichever the host's plain program is. */
  readonly backend?: BackendChoice
  /** How long to wait for the xtables lock, which only legacy has. Default 10; 0 is not at all. */
  readonly waitSeconds?: number | 'forever'
  /** The time limit of each call that sets none of its own. Default 60,000 ms. */
  readonly timeoutMs?: number
  /** Where it runs. Default: on this host. */
  readonly executor?: Executor
  readonly signal?: AbortSignal
}

/**
 * A client of one family on one host. It keeps nothing between calls and may be shared.
 *
 * Every call throws FwctlError when it fails: `iptablesReason(error)` is why, in one word that is the
 * same on both back ends, and `details` has argv, exit status and stderr. A call that throws has
 * changed nothing, unless `details.committed` names tables.
 */
export interface IPTables {
  readonly family: Family
  readonly mode: Backend
  readonly version: Dialect['version']
  /** Whether SNAT and MASQUERADE have `--random-fully`. */
  readonly hasRandomFully: boolean

  /** Whether the chain has the rule, in whatever words. False when the chain is not there. */
  exists(table: TableName, chain: string, rule: Rulespec, options?: CallOptions): Promise<boolean>
  append(table: TableName, chain: string, rule: Rulespec, options?: CallOptions): Promise<void>
  /** Resolves to false when the rule was there. Not atomic: two callers may both append it. */
  appendUnique(
    table: TableName,
    chain: string,
    rule: Rulespec,
    options?: CallOptions,
  ): Promise<boolean>
  /** Positions count from 1; one past the last rule appends. */
  insert(
    table: TableName,
    chain: string,
    position: number,
    rule: Rulespec,
    options?: CallOptions,
  ): Promise<void>
  /** Resolves to false when the rule was anywhere in the chain. Not atomic, like `appendUnique`. */
  insertUnique(
    table: TableName,
    chain: string,
    position: number,
    rule: Rulespec,
    options?: CallOptions,
  ): Promise<boolean>
  /** The new rule counts from zero. */
  replace(
    table: TableName,
    chain: string,
    position: number,
    rule: Rulespec,
    options?: CallOptions,
  ): Promise<void>
  /** Deletes the first such rule. */
  delete(table: TableName, chain: string, rule: Rulespec, options?: CallOptions): Promise<void>
  /** Resolves to false when there was no such rule, chain or jump target. */
  deleteIfExists(
    table: TableName,
    chain: string,
    rule: Rulespec,
    options?: CallOptions,
  ): Promise<boolean>
  deleteById(table: TableName, chain: string, id: number, options?: CallOptions): Promise<void>

  /** The lines of `-S CHAIN`: first its `-P` or `-N`, then its rules. Each rule can be used as input. */
  list(table: TableName, chain: string, options?: CallOptions): Promise<readonly string[]>
  /** The same, with `-c PACKETS BYTES`. */
  listWithCounters(
    table: TableName,
    chain: string,
    options?: CallOptions,
  ): Promise<readonly string[]>
  listById(table: TableName, chain: string, id: number, options?: CallOptions): Promise<string>
  /** The rules of a chain as data, with counters. */
  rules(table: TableName, chain: string, options?: CallOptions): Promise<readonly Rule[]>
  stats(table: TableName, chain: string, options?: CallOptions): Promise<readonly StatRow[]>
  structuredStats(table: TableName, chain: string, options?: CallOptions): Promise<readonly Stat[]>
  /** Throws FwctlError `invalid-input` for what is no row. */
  parseStat(row: StatRow): Stat

  listChains(table: TableName, options?: CallOptions): Promise<readonly string[]>
  chainExists(table: TableName, chain: string, options?: CallOptions): Promise<boolean>
  newChain(table: TableName, chain: string, options?: CallOptions): Promise<void>
  /** Makes the chain, or empties the one that is there, in one step. */
  clearChain(table: TableName, chain: string, options?: CallOptions): Promise<void>
  renameChain(table: TableName, chain: string, to: string, options?: CallOptions): Promise<void>
  deleteChain(table: TableName, chain: string, options?: CallOptions): Promise<void>
  /** In one step: a chain that is in use keeps its rules. One that is not there is no error. */
  clearAndDeleteChain(table: TableName, chain: string, options?: CallOptions): Promise<void>
  /** Empties all chains of one table, or of all tables that are in use. */
  clearAll(table?: TableName, options?: CallOptions): Promise<void>
  /** Deletes all user-defined chains of one table, or of all tables that are in use. */
  deleteAll(table?: TableName, options?: CallOptions): Promise<void>
  changePolicy(
    table: TableName,
    chain: string,
    policy: 'ACCEPT' | 'DROP',
    options?: CallOptions,
  ): Promise<void>
  /** The policy of a built-in chain. */
  policy(table: TableName, chain: string, options?: CallOptions): Promise<'ACCEPT' | 'DROP'>

  /**
   * Collects the calls of `build` and commits them as one iptables-restore: per table all or nothing.
   * When `build` throws, nothing is run.
   */
  transaction(
    build: (transaction: Transaction) => void | Promise<void>,
    options?: CallOptions,
  ): Promise<void>
}

const DEFAULT_WAIT_SECONDS = 10
const DEFAULT_TIMEOUT_MS = 60_000

/** `await IPTables.create({ family: 'ipv6' })` */
export const IPTables: {
  /** Throws FwctlError `missing-program` when the host has no such iptables. */
  create(options?: IPTablesOptions): Promise<IPTables>
} = {
  create: async (options = {}) => {
    const {
      family = 'ipv4',
      backend = 'auto',
      executor = localExecutor(),
      waitSeconds = DEFAULT_WAIT_SECONDS,
      timeoutMs = DEFAULT_TIMEOUT_MS,
      path,
      signal,
    } = options
    if (waitSeconds !== 'forever' && (!Number.isInteger(waitSeconds) || waitSeconds < 0)) {
      throw callFailure('unknown', `waitSeconds: ${waitSeconds} is no whole number of seconds`)
    }
    const where = { family, backend, timeoutMs, signal, ...(path === undefined ? {} : { path }) }
    const programs = await findPrograms(executor, where)
    return clientOf({ executor, programs, waitSeconds, timeoutMs })
  },
}

function clientOf(invoker: Invoker): IPTables {
  const { dialect, features } = invoker.programs
  const reading = namesOnce(invoker)
  const wordsOf = async (rule: Rulespec): Promise<readonly (readonly string[])[]> =>
    // Words need no names, and most rules are words.
    ruleWords(rule, typeof rule === 'string' || Array.isArray(rule) ? plain : await reading())
  const plain: RuleReading = { dialect, names: BUILTIN_NAMES }

  const client: IPTables = {
    family: dialect.family,
    mode: dialect.backend,
    version: dialect.version,
    hasRandomFully: features.randomFully,

    exists: async (table, chain, rule, options) => {
      const input = { rules: await wordsOf(rule), reading: await reading() }
      return rules.rulesExist(invoker, { table, chain }, input, options)
    },
    append: async (table, chain, rule, options) => {
      const input = { flag: '-A', rules: await wordsOf(rule), options } as const
      await rules.addRules(invoker, { table, chain }, input)
    },
    appendUnique: async (table, chain, rule, options) => {
      if (await client.exists(table, chain, rule, options)) return false
      await client.append(table, chain, rule, options)
      return true
    },
    insert: async (table, chain, position, rule, options) => {
      const input = { flag: '-I', position, rules: await wordsOf(rule), options } as const
      await rules.addRules(invoker, { table, chain }, input)
    },
    insertUnique: async (table, chain, position, rule, options) => {
      if (await client.exists(table, chain, rule, options)) return false
      await client.insert(table, chain, position, rule, options)
      return true
    },
    replace: async (table, chain, position, rule, options) => {
      const input = { flag: '-R', position, rules: await wordsOf(rule), options } as const
      await rules.addRules(invoker, { table, chain }, input)
    },
    delete: async (table, chain, rule, options) => {
      const input = { rules: await wordsOf(rule), reading: await reading() }
      await rules.deleteRules(invoker, { table, chain }, input, options)
    },
    deleteIfExists: async (table, chain, rule, options) => {
      const input = { rules: await wordsOf(rule), reading: await reading() }
      return rules.deleteIfThere(invoker, { table, chain }, input, options)
    },
    deleteById: (table, chain, id, options) =>
      rules.deleteById(invoker, { table, chain }, id, options),

    list: async (table, chain, options) =>
      (await chains.listChain(invoker, { table, chain }, { options })).lines,
    listWithCounters: async (table, chain, options) => {
      const place = { table, chain }
      const { lines } = await chains.listChain(invoker, place, { counters: true, options })
      return lines.map(withCountersAtEnd)
    },
    listById: (table, chain, id, options) => rules.listById(invoker, { table, chain }, id, options),
    rules: async (table, chain, options) =>
      rules.liveRules(invoker, { table, chain }, await reading(), { ...options, counters: true }),
    stats: async (table, chain, options) => {
      const context = await reading()
      const live = await client.rules(table, chain, options)
      return live.map((rule) => statRow(rule, context))
    },
    structuredStats: async (table, chain, options) =>
      (await client.stats(table, chain, options)).map(parseStat),
    parseStat,

    listChains: async (table, options) =>
      (await chains.listTable(invoker, table, options)).chains.map(({ name }) => name),
    chainExists: (table, chain, options) => chains.chainExists(invoker, { table, chain }, options),
    newChain: (table, chain, options) => chains.newChain(invoker, { table, chain }, options),
    clearChain: (table, chain, options) => chains.clearChain(invoker, { table, chain }, options),
    renameChain: (table, chain, to, options) =>
      chains.renameChain(invoker, { table, chain, to }, options),
    deleteChain: (table, chain, options) => chains.deleteChain(invoker, { table, chain }, options),
    clearAndDeleteChain: (table, chain, options) =>
      chains.clearAndDeleteChain(invoker, { table, chain }, options),
    clearAll: async (table, options) => {
      for (const one of await tablesOr(table, invoker, options)) {
        await iptables(invoker, ['-t', one, '-F'], options)
      }
    },
    deleteAll: async (table, options) => {
      for (const one of await tablesOr(table, invoker, options)) {
        await chains.deleteAll(invoker, one, options)
      }
    },
    changePolicy: (table, chain, policy, options) =>
      chains.changePolicy(invoker, { table, chain, policy }, options),
    policy: (table, chain, options) => chains.policyOf(invoker, { table, chain }, options),

    transaction: async (build, options) => {
      const context = await reading()
      const { transaction, batch } = startTransaction(context)
      await build(transaction)
      await commitBatch(invoker, batch, context, options)
    },
  }
  return client
}

/** The host's names, read at the first call that needs them. */
function namesOnce({ executor, programs }: Invoker): () => Promise<RuleReading> {
  let names: Promise<Names> | undefined
  return async () => {
    names ??= readNames(executor, BUILTIN_NAMES)
    return { dialect: programs.dialect, names: await names }
  }
}

async function tablesOr(
  table: TableName | undefined,
  invoker: Invoker,
  options?: CallOptions,
): Promise<readonly TableName[]> {
  if (table !== undefined) return [table]
  // Naming a table that is not in use would make it.
  const dump = await runSave(invoker, undefined, options)
  return TABLES.filter((name) => dump.split('\n').includes(`*${name}`))
}

/**
 * The tables of a kernel as iptables sees them, and what each command does to them or why it is
 * refused. Checked against the real one: the same random commands on both.
 */

import { findTarget } from '../../extensions/catalogue.ts'
import type { Names } from '../../extensions/names.ts'
import { chainNameProblem, checkRuleset } from '../../iptables/check.ts'
import { parseRule } from '../../iptables/parse-rule.ts'
import { makeRule } from '../../iptables/rule.ts'
import { BUILTIN_CHAINS, isBuiltinChain, VERDICTS } from '../../ruleset/hooks.ts'
import {
  type Chain,
  type Counters,
  type Dialect,
  type Rule,
  type Ruleset,
  TABLES,
  type Table,
  type TableName,
} from '../../ruleset/model.ts'
import { ruleWith } from '../../ruleset/rule-with.ts'
import type { Reason } from './reason.ts'

export interface FakeChain {
  name: string
  policy: 'ACCEPT' | 'DROP' | undefined
  counters: Counters | undefined
  rules: Rule[]
}

/** By name, in no particular order: see `chainsInOrder`. */
export type FakeTable = Map<string, FakeChain>

export interface FakeKernel {
  readonly dialect: Dialect
  readonly names: Names
  /** Tables come into being at their first use. */
  readonly tables: Map<TableName, FakeTable>
}

/** One command of iptables, its words taken apart. */
export interface FakeCommand {
  readonly flag: string
  readonly chain?: string | undefined
  /** For `-E`: the new name; for `-P`: the policy. */
  readonly to?: string | undefined
  readonly position?: number | undefined
  readonly words: readonly string[]
}

/** Why a command is refused. */
export class FakeRefusal extends Error {
  readonly reason: Reason
  /** The chain, extension or set that it is about. */
  readonly subject: string

  constructor(reason: Reason, subject: string) {
    super(`${reason}: ${subject}`)
    this.reason = reason
    this.subject = subject
  }
}

const ZERO: Counters = { packets: 0n, bytes: 0n }

export function openTable(kernel: FakeKernel, name: string): FakeTable {
  if (!(TABLES as readonly string[]).includes(name)) throw new FakeRefusal('table-not-found', name)
  const known = kernel.tables.get(name as TableName)
  if (known) return known
  const table: FakeTable = new Map()
  for (const hook of BUILTIN_CHAINS[name as TableName]) {
    table.set(hook, { name: hook, policy: 'ACCEPT', counters: ZERO, rules: [] })
  }
  kernel.tables.set(name as TableName, table)
  return table
}

/** Tables as they are in a ruleset that was read. */
export function loadRuleset(kernel: FakeKernel, ruleset: Ruleset): void {
  for (const { name, chains } of ruleset.tables) {
    const table = openTable(kernel, name)
    for (const { name: chain, policy, counters, rules } of chains) {
      table.set(chain, { name: chain, policy, counters, rules: [...rules] })
    }
  }
}

export function copyTable(table: FakeTable): FakeTable {
  return new Map(
    [...table].map(([name, chain]) => [name, { ...chain, rules: [...chain.rules] }] as const),
  )
}

/** Built-in chains by hook, the others in byte order, as iptables prints them. */
export function chainsInOrder(name: TableName, table: FakeTable): readonly FakeChain[] {
  const hooks: readonly string[] = BUILTIN_CHAINS[name]
  const builtin = hooks.flatMap((hook) => table.get(hook) ?? [])
  const user = [...table.values()].filter((chain) => !hooks.includes(chain.name))
  return [...builtin, ...user.sort((a, b) => (a.name < b.name ? -1 : 1))]
}

export function toRuleset(kernel: FakeKernel): Ruleset {
  return {
    family: kernel.dialect.family,
    tables: [...kernel.tables].map(([name, table]) => toTable(name, table)),
  }
}

function toTable(name: TableName, table: FakeTable): Table {
  const chains = chainsInOrder(name, table).map(
    ({ name: chain, policy, counters, rules }): Chain => ({
      name: chain,
      rules,
      ...(policy && { policy }),
      ...(counters && { counters }),
    }),
  )
  return { name, chains }
}

/** Where a command runs. */
export interface FakePlace {
  readonly kernel: FakeKernel
  readonly name: TableName
  readonly table: FakeTable
}

/** Does the command, or throws a FakeRefusal; the table is then half-changed and to be thrown away. */
export function runFakeCommand(place: FakePlace, command: FakeCommand): void {
  const { table, name } = place
  const { flag, chain: chainName = '', position, words } = command
  switch (flag) {
    case '-A':
    case '-I':
    case '-R':
      return addFakeRules(place, command)
    case '-D':
    case '-C': {
      if (position !== undefined) {
        const { rules } = chainOf(table, chainName)
        if (position > rules.length) throw new FakeRefusal('index-out-of-range', 'deletion')
        rules.splice(position - 1, 1)
        return
      }
      const wanted = readFakeRules(place, { chain: chainName, words })
      for (const { text } of wanted) {
        const rules = table.get(chainName)?.rules ?? []
        const at = rules.findIndex((rule) => rule.text === text)
        if (at < 0) throw new FakeRefusal('rule-not-found', chainName)
        if (flag === '-D') rules.splice(at, 1)
      }
      return
    }
    case '-N': {
      const problem = chainNameProblem(chainName, { name, chains: [] })
      if (problem) throw new FakeRefusal('invalid-chain-name', chainName)
      if (table.has(chainName)) throw new FakeRefusal('chain-exists', chainName)
      table.set(chainName, { name: chainName, policy: undefined, counters: undefined, rules: [] })
      return
    }
    case '-F':
      for (const one of command.chain === undefined ? table.values() : [chainOf(table, chainName)])
        one.rules = []
      return
    case '-X':
      return deleteFakeChains(place, command.chain)
    case '-E': {
      const to = command.to ?? ''
      if (table.has(to)) throw new FakeRefusal('chain-exists', to)
      renameFakeChain(place, chainOf(table, chainName), to)
      return
    }
    case '-P': {
      const policy = command.to ?? ''
      if (name === 'nat' && policy === 'DROP') throw new FakeRefusal('invalid-policy', policy)
      if (!isBuiltinChain(name, chainName)) throw new FakeRefusal('not-builtin-chain', chainName)
      if (policy !== 'ACCEPT' && policy !== 'DROP') throw new FakeRefusal('invalid-policy', policy)
      const chain = chainOf(table, chainName)
      chain.policy = policy
      chain.counters = ZERO
      return
    }
    case '-Z':
      for (const one of command.chain === undefined
        ? table.values()
        : [chainOf(table, chainName)]) {
        if (one.policy) one.counters = ZERO
        one.rules = one.rules.map((rule) => ruleWith(rule, { counters: ZERO }))
      }
      return
    default:
      throw new FakeRefusal('invalid-rule', flag)
  }
}

function chainOf(table: FakeTable, name: string): FakeChain {
  const chain = table.get(name)
  if (chain === undefined) throw new FakeRefusal('chain-not-found', name)
  return chain
}

function addFakeRules(place: FakePlace, command: FakeCommand): void {
  const { flag, chain: name = '', position = 1 } = command
  const rules = readFakeRules(place, { chain: name, words: command.words })
  if (flag === '-R' && rules.length !== 1) throw new FakeRefusal('invalid-rule', 'unique address')
  const chain = chainOf(place.table, name)
  // Of several rules out of one list, each goes to the same place, before the last one.
  for (const rule of rules) {
    if (flag === '-A') chain.rules.push(rule)
    else if (flag === '-I') {
      if (position > chain.rules.length + 1)
        throw new FakeRefusal('index-out-of-range', 'insertion')
      chain.rules.splice(position - 1, 0, rule)
    } else {
      if (position > chain.rules.length) throw new FakeRefusal('index-out-of-range', 'replacement')
      chain.rules.splice(position - 1, 1, rule)
    }
  }
}

const WITHOUT_INPUT: readonly string[] = ['OUTPUT', 'POSTROUTING']
const WITHOUT_OUTPUT: readonly string[] = ['INPUT', 'PREROUTING']

/** The rules that the words make, refused as iptables itself refuses them before it asks the kernel. */
function readFakeRules(
  { kernel, table, name }: FakePlace,
  { chain, words }: { readonly chain: string; readonly words: readonly string[] },
): readonly Rule[] {
  const { dialect, names } = kernel
  const { family } = dialect
  const { specs, problems, ...parsed } = parseRule(words, { dialect, names })
  // ip6tables-nft reads `-c PACKETS BYTES` and forgets it.
  const isForgotten = family === 'ipv6' && dialect.backend === 'nft'
  const counters = isForgotten ? ZERO : (parsed.counters ?? ZERO)
  const [problem] = problems
  if (problem) throw new FakeRefusal('invalid-rule', problem.message)
  for (const { matches, target, inInterface, outInterface } of specs) {
    const unknown = matches.find((match) => match.opaque)
    if (unknown) throw new FakeRefusal('match-not-found', unknown.module)
    if (
      (inInterface && WITHOUT_INPUT.includes(chain)) ||
      (outInterface && WITHOUT_OUTPUT.includes(chain))
    )
      throw new FakeRefusal('invalid-rule', `Can't use it with ${chain}`)
    if (target === undefined) continue
    const isTarget = VERDICTS.includes(target.name) || findTarget(target.name, family) !== undefined
    const isKnown =
      target.verb === 'jump' ? isTarget || table.has(target.name) : table.has(target.name)
    if (!isKnown) throw new FakeRefusal('target-not-found', target.name)
    if (name === 'nat' && target.name === 'DROP')
      throw new FakeRefusal('invalid-rule', 'DROP in nat')
  }
  return specs.map((spec) => makeRule(spec, { dialect, names, counters }))
}

function deleteFakeChains({ table, name }: FakePlace, only: string | undefined): void {
  const names =
    only === undefined ? [...table.keys()].filter((n) => !isBuiltinChain(name, n)) : [only]
  const jumps = [...table.values()].flatMap((chain) =>
    chain.rules.map((rule) => rule.spec.target?.name),
  )
  for (const one of names) {
    const { rules } = chainOf(table, one)
    if (isBuiltinChain(name, one)) throw new FakeRefusal('builtin-chain', one)
    if (jumps.includes(one)) throw new FakeRefusal('chain-in-use', one)
    if (rules.length > 0) throw new FakeRefusal('chain-not-empty', one)
  }
  for (const one of names) table.delete(one)
}

function renameFakeChain({ kernel, table }: FakePlace, chain: FakeChain, to: string): void {
  const { dialect, names } = kernel
  const from = chain.name
  table.delete(from)
  chain.name = to
  table.set(to, chain)
  for (const other of table.values()) {
    other.rules = other.rules.map((rule) => {
      const { target } = rule.spec
      if (target?.name !== from) return rule
      const spec = { ...rule.spec, target: { ...target, name: to } }
      const { counters = ZERO } = rule
      return makeRule(spec, { dialect, names, counters })
    })
  }
}

/** What the kernel checks when the table is handed to it: hooks, tables, loops. */
export function commitFakeTable({ kernel, name, table }: FakePlace): void {
  const { family, backend } = kernel.dialect
  const whole = toTable(name, table)
  const reachable = reachableChains(name, table)
  const problem = checkRuleset({ family, tables: [whole] }, backend).find(
    ({ severity, code, chain, rule }) =>
      severity === 'error' && rule !== undefined && (code !== 'jump-loop' || reachable.has(chain)),
  )
  if (problem) throw new FakeRefusal('refused-by-kernel', problem.chain)
  kernel.tables.set(name, table)
}

/** Whether each rule of a chain is refused where it stands, so that it never gets into the chain. */
export function refusesAllRules({ kernel, name, table }: FakePlace, chain: string): boolean {
  const { family, backend } = kernel.dialect
  const problems = checkRuleset({ family, tables: [toTable(name, table)] }, backend)
  const refused = problems.filter(
    (one) => one.severity === 'error' && one.code !== 'jump-loop' && one.chain === chain,
  )
  const rules = new Set(refused.flatMap(({ rule }) => (rule === undefined ? [] : [rule])))
  return rules.size > 0 && rules.size === table.get(chain)?.rules.length
}

function reachableChains(name: TableName, table: FakeTable): ReadonlySet<string> {
  const queue: string[] = [...BUILTIN_CHAINS[name]]
  const seen = new Set(queue)
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    for (const { spec } of table.get(at)?.rules ?? []) {
      const to = spec.target?.name
      if (to === undefined || seen.has(to) || !table.has(to)) continue
      seen.add(to)
      queue.push(to)
    }
  }
  return seen
}

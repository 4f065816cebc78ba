/** Random sequences of calls, run on the real client and on the fake, and where the two differ. */

import { BUILTIN_NAMES } from '../../../src/extensions/builtin-names.ts'
import type { Random } from '../../../src/extensions/extension.ts'
import type { Executor } from '../../../src/host/executor.ts'
import { IPTables } from '../../../src/host/iptables/client.ts'
import { FakeIPTables } from '../../../src/host/iptables/fake.ts'
import { iptablesReason } from '../../../src/host/iptables/reason.ts'
import type { Rulespec } from '../../../src/host/iptables/rulespec.ts'
import type { Transaction } from '../../../src/host/iptables/transaction.ts'
import { parseRule } from '../../../src/iptables/parse-rule.ts'
import { BUILTIN_CHAINS } from '../../../src/ruleset/hooks.ts'
import type { Backend, Family, TableName } from '../../../src/ruleset/model.ts'
import { withoutTimes } from '../../e2e/namespace.ts'
import { generateRule, seededRandom } from '../../generate/rule.ts'

const TABLES: readonly TableName[] = ['filter', 'nat', 'mangle']

export interface RandomCalls {
  readonly executor: Executor
  readonly backend: Backend
  readonly family: Family
  readonly sequences: number
  readonly callsEach: number
  readonly seed: number
}

export interface Disagreement {
  readonly sequence: number
  readonly call: string
  readonly kernel: unknown
  readonly fake: unknown
}

/** The first disagreement of each sequence, be it in a result, in a reason or in the final dump. */
export async function findDisagreements(input: RandomCalls): Promise<{
  readonly disagreements: readonly Disagreement[]
  readonly outcomes: Readonly<Record<string, number>>
}> {
  const { executor, backend, family, sequences, callsEach, seed } = input
  const kernel = await IPTables.create({ family, backend, executor })
  const disagreements: Disagreement[] = []
  const outcomes: Record<string, number> = {}
  for (let sequence = 0; sequence < sequences; sequence++) {
    await reset(executor, { backend, family })
    const fake = await FakeIPTables.create({ family, backend, version: kernel.version })
    const random = seededRandom(seed + sequence)
    const disagree = (call: string, onKernel: unknown, onFake: unknown): void => {
      disagreements.push({ sequence, call, kernel: onKernel, fake: onFake })
    }
    let agreed = true
    for (let i = 0; i < callsEach && agreed; i++) {
      const call = await randomCall(random, kernel)
      const [real, made] = [await outcome(call.run, kernel), await outcome(call.run, fake)]
      const kind = `${call.name.split('(')[0]} ${real.startsWith('!') ? real : 'done'}`
      outcomes[kind] = (outcomes[kind] ?? 0) + 1
      agreed = real === made
      if (!agreed) disagree(call.name, real, made)
    }
    for (const table of agreed ? TABLES : []) {
      const save = (on: Executor): Promise<string> => dump(on, { backend, family, table })
      const [real, made] = [await save(executor), await save(fake.executor)]
      if (real !== made) disagree(`the final dump of ${table}`, real, made)
    }
  }
  return { disagreements, outcomes }
}

async function outcome(
  run: (client: IPTables) => Promise<unknown>,
  client: IPTables,
): Promise<string> {
  try {
    const value = (await run(client)) ?? 'done'
    return JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? String(v) : v))
  } catch (error) {
    const reason = iptablesReason(error)
    if (reason === undefined) throw error
    return `!${reason}`
  }
}

async function reset(
  executor: Executor,
  { backend, family }: { readonly backend: Backend; readonly family: Family },
): Promise<void> {
  const blocks = TABLES.map((table) => {
    const chains = BUILTIN_CHAINS[table].map((chain) => `:${chain} ACCEPT [0:0]\n`)
    return `*${table}\n${chains.join('')}COMMIT\n`
  })
  const program = `${tool(family)}-${backend}-restore`
  const result = await executor.run({
    program,
    args: [],
    input: blocks.join(''),
    timeoutMs: 60_000,
  })
  if (result.status !== 0) throw new Error(result.stderr)
}

async function dump(
  executor: Executor,
  input: { readonly backend: Backend; readonly family: Family; readonly table: TableName },
): Promise<string> {
  const program = `${tool(input.family)}-${input.backend}-save`
  const args = ['-t', input.table, '-c']
  return withoutTimes((await executor.run({ program, args, timeoutMs: 60_000 })).stdout)
}

function tool(family: Family): string {
  return family === 'ipv4' ? 'iptables' : 'ip6tables'
}

interface Call {
  readonly name: string
  readonly run: (client: IPTables) => Promise<unknown>
}

/** Names that iptables takes, and some that it must not. */
const CHAINS = ['A', 'B', 'c-d', 'A', 'B', 'MISSING', '-v', '', 'a b', 'ACCEPT', 'x'.repeat(29)]
const POSITIONS = [1, 1, 1, 2, 2, 3, 4, 0, -1, 99, 1.5]

async function randomCall(random: Random, kernel: IPTables): Promise<Call> {
  const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T
  const table = pick<TableName>(['filter', 'filter', 'filter', 'nat', 'mangle'])
  const builtin = pick(BUILTIN_CHAINS[table])
  const user = pick(random(3) === 0 ? CHAINS : CHAINS.slice(0, 5))
  const chain = random(3) === 0 ? builtin : user
  const position = pick(POSITIONS)
  const rule = await randomRule(random, { kernel, table, chain })
  const other = pick(CHAINS)
  const policy = pick(['ACCEPT', 'DROP', 'DROP', 'RETURN', 'FOO']) as 'ACCEPT'
  const calls: Readonly<Record<string, (client: IPTables) => Promise<unknown>>> = {
    append: (c) => c.append(table, chain, rule),
    appendUnique: (c) => c.appendUnique(table, chain, rule),
    insert: (c) => c.insert(table, chain, position, rule),
    insertUnique: (c) => c.insertUnique(table, chain, position, rule),
    replace: (c) => c.replace(table, chain, position, rule),
    exists: (c) => c.exists(table, chain, rule),
    delete: (c) => c.delete(table, chain, rule),
    deleteIfExists: (c) => c.deleteIfExists(table, chain, rule),
    deleteById: (c) => c.deleteById(table, chain, position),
    list: (c) => c.list(table, chain),
    listWithCounters: (c) => c.listWithCounters(table, chain),
    listById: (c) => c.listById(table, chain, position),
    rules: (c) => c.rules(table, chain),
    structuredStats: (c) => c.structuredStats(table, chain),
    listChains: (c) => c.listChains(table),
    chainExists: (c) => c.chainExists(table, chain),
    newChain: (c) => c.newChain(table, user),
    clearChain: (c) => c.clearChain(table, chain),
    renameChain: (c) => c.renameChain(table, chain, other),
    deleteChain: (c) => c.deleteChain(table, chain),
    clearAndDeleteChain: (c) => c.clearAndDeleteChain(table, chain),
    clearAll: (c) => c.clearAll(table),
    deleteAll: (c) => c.deleteAll(table),
    changePolicy: (c) => c.changePolicy(table, chain, policy),
    policy: (c) => c.policy(table, chain),
  }
  // What builds comes more often than what tears down.
  const often = ['append', 'append', 'insert', 'newChain', 'newChain', 'exists', 'delete']
  if (random(6) === 0) {
    const steps = await randomSteps(random, kernel)
    return {
      name: `transaction(${steps.map((step) => step.name).join('; ')})`,
      run: (client) =>
        client.transaction((tx) => {
          for (const step of steps) step.run(tx)
        }),
    }
  }
  const name = pick([...Object.keys(calls), ...often, ...often])
  const words = [table, chain, user, other, position, policy, rule]
  return {
    name: `${name}(${words.map((w) => JSON.stringify(w)).join(', ')})`,
    run: calls[name] as Call['run'],
  }
}

interface Step {
  readonly name: string
  readonly run: (transaction: Transaction) => void
}

async function randomSteps(random: Random, kernel: IPTables): Promise<readonly Step[]> {
  const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T
  const table = pick<TableName>(['filter', 'filter', 'nat'])
  const steps: Step[] = []
  for (let i = random(5); i >= 0; i--) {
    const user = pick(['A', 'B', 'A', 'B', 'MISSING'])
    const chain = random(3) === 0 ? pick(BUILTIN_CHAINS[table]) : user
    const position = pick([1, 1, 2, 3, 9])
    const rule = await randomRule(random, { kernel, table, chain })
    const choices: Readonly<Record<string, (tx: Transaction) => void>> = {
      append: (tx) => tx.append(table, chain, rule),
      insert: (tx) => tx.insert(table, chain, position, rule),
      replace: (tx) => tx.replace(table, chain, position, rule),
      delete: (tx) => tx.delete(table, chain, rule),
      deleteById: (tx) => tx.deleteById(table, chain, position),
      newChain: (tx) => tx.newChain(table, user),
      clearChain: (tx) => tx.clearChain(table, chain),
      deleteChain: (tx) => tx.deleteChain(table, chain),
      changePolicy: (tx) => tx.changePolicy(table, chain, 'DROP'),
      clearAll: (tx) => tx.clearAll(table),
    }
    const name = pick([...Object.keys(choices), 'append', 'append', 'clearChain', 'newChain'])
    steps.push({
      name: `${name} ${table} ${chain} ${user} ${position} ${JSON.stringify(rule)}`,
      run: choices[name] as Step['run'],
    })
  }
  return steps
}

const RULES: readonly Rulespec[] = [
  '-j ACCEPT',
  '-j A',
  '-j B',
  '-g c-d',
  ['-j', 'MISSING'],
  '-p tcp --dport 22 -j ACCEPT',
  '-p tcp -m tcp --dport 22 -j ACCEPT',
  '-p udp --sport 53 --dport 1024: -m comment --comment "dns  answers" -j ACCEPT',
  '-m comment --comment "dns \\" quoted" -p tcp --dport 53',
  ['-m', 'comment', '--comment', "it's -j DROP", '-j', 'RETURN'],
  ['-m', 'comment', '--comment', '-j', '-c', '7', '700', '-j', 'RETURN'],
  '-m recent --name seen --rcheck -j DROP',
  '-m connlimit --connlimit-above 3 -j REJECT',
  '-m limit --limit 60/min -j LOG --log-prefix "x: "',
  '-m conntrack --ctstate ESTABLISHED,RELATED -m mark --mark 16 -j ACCEPT',
  '-m mark --mark 0x10 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  '! -i eth0 -p 47',
  '-o eth+ -j MARK --set-mark 1',
  '-j MASQUERADE',
  '-p tcp -j REDIRECT --to-ports 8080',
  '-c 5 500 -j DROP',
  '-p tcp --dport 99999',
  '--frob 1',
  '3',
  '-A INPUT -p tcp --dport 80 -j ACCEPT',
  '-P INPUT ACCEPT',
  { protocol: 'tcp', dport: [80, 443], jump: 'ACCEPT' },
  { protocol: ['tcp', 'udp'], dport: 53, jump: 'ACCEPT' },
  { 'in-interface': 'lo', name: 'loopback', jump: 'ACCEPT' },
  { jumpp: 'ACCEPT' },
]

const ADDRESSED: Readonly<Record<Family, readonly Rulespec[]>> = {
  ipv4: ['! -s 10.0.0.0/8 -d 10.1.2.3', '-s 1.1.1.1,2.2.2.2 -j DROP', '-s 2001:db8::1 -j DROP'],
  ipv6: ['! -s 2001:db8::/32 -d fe80::1', '-s fd00::1,fd00::2 -j DROP', '-s 10.0.0.1 -j DROP'],
}

async function randomRule(
  random: Random,
  at: { readonly kernel: IPTables; readonly table: TableName; readonly chain: string },
): Promise<Rulespec> {
  const { kernel, table, chain } = at
  const fixed = [...RULES, ...ADDRESSED[kernel.family]]
  const kind = random(6)
  if (kind === 0) {
    // A line of the listing, as it is or with its counters, or the rule as data.
    const list =
      random(2) === 0 ? kernel.list : random(2) === 0 ? kernel.listWithCounters : kernel.rules
    const lines: readonly Rulespec[] = await list(table, chain).catch(() => [])
    const line = lines[random(Math.max(lines.length, 1))]
    if (line !== undefined) return typeof line === 'string' ? line : withoutBigints(line)
  }
  if (kind === 1) {
    const { family, version, mode: backend } = kernel
    const dialect = { family, version, backend }
    for (let tries = 0; tries < 20; tries++) {
      const made = generateRule({ random, dialect, names: BUILTIN_NAMES })
      const { problems, cautions } = parseRule(made.words, { dialect, names: BUILTIN_NAMES })
      if (made.table === table && problems.length + cautions.length === 0) return made.words
    }
  }
  return fixed[random(fixed.length)] as Rulespec
}

/** So that the rule can be shown. */
function withoutBigints(rule: Rulespec): Rulespec {
  return 'text' in (rule as object) ? ({ ...(rule as object), counters: undefined } as never) : rule
}

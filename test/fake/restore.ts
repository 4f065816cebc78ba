/**
 * An interpreter of `iptables-restore --noflush --counters` over Ruleset values. It refuses what the
 * real one refuses (facts: numbers out of range, missing chains, chains in use, declaring a chain
 * twice), so that a batch that passes here does so for the right reasons.
 */

import { BUILTIN_CHAINS, isBuiltinChain } from '../../src/ruleset/hooks.ts'
import type { Backend, Chain, Counters, Rule, Ruleset, TableName } from '../../src/ruleset/model.ts'
import { ruleWith } from '../../src/ruleset/rule-with.ts'

class RestoreError extends Error {
  readonly line: number
  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`)
    this.line = line
  }
}

interface FakeChain {
  readonly name: string
  policy: 'ACCEPT' | 'DROP' | undefined
  counters: Counters | undefined
  rules: Rule[]
}

type FakeTable = Map<string, FakeChain>

const ZERO: Counters = { packets: 0n, bytes: 0n }

/** The ruleset after the restore. A block is applied at its COMMIT; a bad line throws. */
export function restore(
  live: Ruleset,
  text: string,
  options: {
    readonly backend: Backend
    readonly readRule: (text: string) => Rule
    /** Takes what `-v -S CHAIN` prints, with a number or without. */
    readonly print?: (line: string) => void
  },
): Ruleset {
  const tables = new Map(live.tables.map((table) => [table.name, openTable(table.chains)]))
  let name: TableName | undefined
  let open: FakeTable = new Map()
  let declared = new Set<string>()
  let policiesSet = new Set<string>()
  if (text !== '' && !text.endsWith('\n')) throw new RestoreError(0, 'no final newline')
  for (const [index, line] of text.split('\n').slice(0, -1).entries()) {
    const fail = (message: string): never => {
      throw new RestoreError(index + 1, `${message}: ${line}`)
    }
    if (line.startsWith('*')) {
      if (name !== undefined) fail('no COMMIT')
      name = line.slice(1) as TableName
      open = copyTable(tables.get(name) ?? openTable([]))
      for (const hook of BUILTIN_CHAINS[name]) {
        if (!open.has(hook))
          open.set(hook, { name: hook, policy: 'ACCEPT', counters: ZERO, rules: [] })
      }
      declared = new Set()
      policiesSet = new Set()
    } else if (name === undefined) {
      fail('outside of a table')
    } else if (line === 'COMMIT') {
      // Any commit of a legacy table resets the policy counters that it does not set.
      if (options.backend === 'legacy') {
        for (const chain of open.values()) {
          if (chain.policy !== undefined && !policiesSet.has(chain.name)) chain.counters = ZERO
        }
      }
      refuseBadReferences(open, fail)
      tables.set(name, open)
      name = undefined
    } else if (line.startsWith(':')) {
      const [, chain = '', policy = '', packets = '', bytes = ''] =
        /^:(\S+) (-|ACCEPT|DROP) \[(\d+):(\d+)\]$/.exec(line) ?? fail('bad chain line')
      if (declared.has(chain)) fail('declared twice')
      declared.add(chain)
      if (!isBuiltinChain(name, chain)) {
        if (policy !== '-') fail('a policy for a user-defined chain')
        open.set(chain, { name: chain, policy: undefined, counters: undefined, rules: [] })
      } else {
        const builtin = open.get(chain) ?? fail('no such chain')
        if (policy !== '-') builtin.policy = policy as 'ACCEPT' | 'DROP'
        builtin.counters = { packets: BigInt(packets), bytes: BigInt(bytes) }
        policiesSet.add(chain)
      }
    } else {
      runCommand({ ...options, line, table: name, open, fail })
    }
  }
  if (name !== undefined) throw new RestoreError(0, 'COMMIT expected')
  return {
    family: live.family,
    tables: [...tables].map(([table, chains]) => ({
      name: table,
      chains: [...chains.values()].map(closeChain),
    })),
  }
}

function runCommand(input: {
  readonly line: string
  readonly table: TableName
  readonly open: FakeTable
  readonly fail: (message: string) => never
  readonly readRule: (text: string) => Rule
  readonly print?: (line: string) => void
}): void {
  const { line, table, open, fail, readRule, print } = input
  const [, listed, place] = /^-v -S (\S+)(?: (\d+))?$/.exec(line) ?? []
  if (listed !== undefined) {
    const found = open.get(listed) ?? fail('no such chain')
    if (place === undefined) print?.(found.policy ? `-P ${listed} ${found.policy}` : `-N ${listed}`)
    const shown =
      place === undefined ? found.rules : found.rules.slice(Number(place) - 1).slice(0, 1)
    for (const rule of shown) print?.(listedRule(listed, rule))
    return
  }
  const [, packets, bytes, command = '', name = '', rest = ''] =
    /^(?:\[(\d+):(\d+)\] )?-([A-Z]) (\S+)(?: (.*))?$/.exec(line) ?? fail('bad line')
  const chain = open.get(name) ?? fail('no such chain')
  const counters =
    packets === undefined ? ZERO : { packets: BigInt(packets), bytes: BigInt(bytes ?? '0') }
  const [, number, after = ''] = /^(\d+)(?: (.*))?$/.exec(rest) ?? [undefined, undefined, rest]
  const index = Number(number ?? Number.NaN) - 1
  const inRange = (length: number): boolean => index >= 0 && index < length
  const made = (text: string): Rule => {
    const rule = readRule(text)
    const { name: to } = rule.spec.target ?? {}
    if (to !== undefined && isBuiltinChain(table, to)) fail('jumps to a built-in chain')
    return ruleWith(rule, { counters })
  }
  switch (command) {
    case 'A':
      chain.rules.push(made(rest))
      return
    case 'I':
      if (!inRange(chain.rules.length + 1)) fail('index of insertion too big')
      chain.rules.splice(index, 0, made(after))
      return
    case 'R':
      if (!inRange(chain.rules.length)) fail('index of replacement too big')
      chain.rules.splice(index, 1, made(after))
      return
    case 'D': {
      const found = number === undefined ? indexOfKey(chain.rules, readRule(rest).key) : index
      if (found < 0 || found >= chain.rules.length) fail('bad rule')
      chain.rules.splice(found, 1)
      return
    }
    case 'F':
      chain.rules = []
      return
    case 'X': {
      if (isBuiltinChain(table, name)) fail('a built-in chain can not be deleted')
      if (chain.rules.length > 0) fail('directory not empty')
      const used = [...open.values()].some((other) =>
        other.rules.some((rule) => rule.spec.target?.name === name),
      )
      if (used) fail('device or resource busy')
      open.delete(name)
      return
    }
    default:
      fail('unknown command')
  }
}

/** iptables puts the counters before the target. */
function listedRule(chain: string, { text, counters = ZERO }: Rule): string {
  const at = /(^| )-[jg] /.exec(text)?.index ?? text.length
  const words = [text.slice(0, at), `-c ${counters.packets} ${counters.bytes}`, text.slice(at)]
  return ['-A', chain, ...words.map((word) => word.trim()).filter((word) => word !== '')].join(' ')
}

/** In these tests a chain's name starts with a small letter, or is one that a jump looks for. */
function refuseBadReferences(open: FakeTable, fail: (message: string) => never): void {
  for (const chain of open.values()) {
    for (const rule of chain.rules) {
      const to = rule.spec.target?.name
      if (to !== undefined && /^[a-z]/.test(to) && !open.has(to)) fail(`no chain ${to}`)
    }
  }
}

function indexOfKey(rules: readonly Rule[], key: string): number {
  return rules.findIndex((rule) => rule.key === key)
}

/** The rules themselves are never changed, and some are read only when they are asked for. */
function copyTable(table: FakeTable): FakeTable {
  return new Map([...table].map(([name, chain]) => [name, { ...chain, rules: [...chain.rules] }]))
}

function openTable(chains: readonly Chain[]): FakeTable {
  return new Map(
    chains.map((chain) => [
      chain.name,
      {
        name: chain.name,
        policy: chain.policy,
        counters: chain.counters ?? (chain.policy === undefined ? undefined : ZERO),
        rules: [...chain.rules],
      },
    ]),
  )
}

function closeChain(chain: FakeChain): Chain {
  return {
    name: chain.name,
    rules: chain.rules,
    ...(chain.policy === undefined ? {} : { policy: chain.policy }),
    ...(chain.counters === undefined ? {} : { counters: chain.counters }),
  }
}

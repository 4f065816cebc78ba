/**
 * What of a host is ours, and what live must therefore become.
 *
 * Goals, and how each is met:
 * 1. What is not ours is never touched. It is copied into the target before the diff, not filtered
 *    out of the changes after it: no later stage can get it wrong, because there is nothing to do.
 * 2. A foreign rule keeps its place among our rules. It is anchored to the rules of ours that stay
 *    (the longest common subsequence of our live and our desired rules), so it is never reordered
 *    against a rule that both have.
 * 3. No perpetual diffs: `claim(desired, claim(desired, live).target)` is the same target. In a
 *    target every desired rule stays, so each foreign rule follows the rule that it followed before.
 * 4. Removing what the policy does not mention happens in `exclusive` mode only, and each thing that
 *    goes is a warning, which the command line takes for a refusal until it is told `--prune`.
 * 5. A user-defined chain that fwctl made goes when the policy no longer declares it: `previous` says
 *    what was declared at the last apply. A chain that a rule still jumps to stays.
 * 6. What mode `hooks` leaves behind when the policy moves on is found by its names: a jump to, or a
 *    chain called, FWCTL-INPUT and the like is ours wherever a table is named.
 */
import type { Diagnostic } from '../base/diagnostic.ts'
import { DEFAULT_OWNERSHIP, type Ownership } from '../policy/policy.ts'
import { isBuiltinChain } from '../ruleset/hooks.ts'
import {
  type Chain,
  type Rule,
  type Ruleset,
  TABLES,
  type Table,
  type TableName,
} from '../ruleset/model.ts'
import { haveSameTexts } from './edits.ts'
import { type ForeignOwner, foreignOwner, isForeignChain, type Place } from './foreign.ts'
import { hookNames, hookTable, isHookJump, withHook } from './hooks-mode.ts'
import { keepAmong } from './keep-among.ts'
import { chainRemoval, danglingJumps, hiddenRules, ruleRemoval } from './removals.ts'
import type { Scope, ScopedTable } from './scope.ts'
import { builtinChains, findTable } from './state.ts'

/** What a plan leaves alone. */
export interface Unmanaged {
  /** Tables that the policy does not name and that hold something. */
  readonly tables: readonly TableName[]
  /** Chains of named tables that the policy does not declare. */
  readonly chains: readonly { readonly table: TableName; readonly chain: string }[]
  /** Rules of others in chains where the policy has its say. */
  readonly rules: readonly {
    readonly table: TableName
    readonly chain: string
    readonly count: number
    /** Whose they are, as far as that is known. */
    readonly tools: readonly string[]
  }[]
}

/** Of a plan that is not made from a policy. */
export const NOTHING_UNMANAGED: Unmanaged = { tables: [], chains: [], rules: [] }

/** The names of the chains that a policy declares. */
export type DeclaredChains = Readonly<Partial<Record<TableName, readonly string[]>>>

/** Those of a text in the form of iptables-save, whose rules are not read for it. */
export function declaredChains(saved: string): DeclaredChains {
  const declared: Partial<Record<TableName, readonly string[]>> = {}
  for (const [head, table] of saved.matchAll(/^\*(\S+)\n(?::.*\n)*/gm)) {
    const names = [...head.matchAll(/^:(\S+)/gm)].map(([, name]) => name as string)
    declared[table as TableName] = names
  }
  return declared
}

export interface Claim {
  readonly target: Ruleset
  readonly unmanaged: Unmanaged
  /** What the target depends on. */
  readonly scope: Scope
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * `desired` holds exactly what the policy declares; a declared built-in chain without a policy
 * keeps the live one.
 */
export function claim(input: {
  readonly desired: Ruleset
  readonly live: Ruleset
  readonly ownership: Ownership
  /** What the policy declared when it was last applied to this host. */
  readonly previous?: DeclaredChains | undefined
}): Claim {
  const { desired, live, ownership, previous } = input
  const tables: Table[] = []
  const scope: ScopedTable[] = []
  const unmanaged = { tables: [] as TableName[], chains: [] as Place[], rules: [] as OthersRules[] }
  const diagnostics: Diagnostic[] = []
  for (const name of TABLES) {
    const mine = findTable(desired, name)
    const found = findTable(live, name)
    if (mine !== undefined) {
      const made = madeChains(previous, name, ownership)
      const claimed = claimTable({ ...declare(mine, desired, ownership), made }, found, ownership)
      tables.push(claimed.table)
      scope.push({ table: name, chains: claimed.scope })
      unmanaged.chains.push(...claimed.unmanagedChains)
      unmanaged.rules.push(...claimed.othersRules)
      diagnostics.push(...claimed.diagnostics, ...danglingJumps(claimed.table, found))
    } else if (found !== undefined) {
      tables.push(found)
      if (holdsAnything(found)) unmanaged.tables.push(name)
    }
  }
  return { target: { family: live.family, tables }, unmanaged, scope, diagnostics }
}

/** What was declared before, but for chains that other tools use as well. */
function madeChains(
  previous: DeclaredChains | undefined,
  table: TableName,
  { foreign }: Ownership,
): ReadonlySet<string> {
  const names = previous?.[table] ?? []
  return new Set(names.filter((name) => !isForeignChain(name, foreign)))
}

/** The claim where nothing else is: what the policy comes to by itself, in its mode of ownership. */
export function onEmptyHost(desired: Ruleset, ownership: Ownership = DEFAULT_OWNERSHIP): Claim {
  return claim({ desired, live: { family: desired.family, tables: [] }, ownership })
}

type OthersRules = Unmanaged['rules'][number]

/** What the policy says of a table. */
interface Declared {
  readonly table: TableName
  readonly chains: ReadonlyMap<string, Chain>
  /** Chains that the policy declared when it was last applied. */
  readonly made: ReadonlySet<string>
  /** Built-in chains where only a jump is ours. */
  readonly jumps: ReadonlyMap<string, Rule>
  readonly diagnostics: readonly Diagnostic[]
}

function declare(mine: Table, { family }: Ruleset, { mode }: Ownership): Omit<Declared, 'made'> {
  const none = { table: mine, jumps: new Map(), diagnostics: [] }
  const { table, jumps, diagnostics } = mode === 'hooks' ? hookTable(mine, family) : none
  const chains = new Map(table.chains.map((chain) => [chain.name, chain]))
  return { table: mine.name, chains, jumps, diagnostics }
}

interface ClaimedTable {
  readonly table: Table
  readonly scope: ScopedTable['chains']
  readonly unmanagedChains: Place[]
  readonly othersRules: OthersRules[]
  readonly diagnostics: Diagnostic[]
}

function claimTable(
  declared: Declared,
  live: Table | undefined,
  ownership: Ownership,
): ClaimedTable {
  const { table, jumps } = declared
  const isExclusive = ownership.mode === 'exclusive'
  const unmanagedChains: Place[] = []
  const othersRules: OthersRules[] = []
  const diagnostics: Diagnostic[] = [...declared.diagnostics]
  const chains: Chain[] = []
  const scope = new Set([...declared.chains.keys(), ...jumps.keys()])
  for (const found of builtinChains(live, table)) {
    const mine = declared.chains.get(found.name)
    const jump = jumps.get(found.name)
    if (mine !== undefined) chains.push(claimBuiltin(mine, found))
    else if (jump !== undefined) chains.push(claimHook(jump, found))
    else chains.push(leaveBuiltin(found))
  }
  const users = (live?.chains ?? []).filter((chain) => !isBuiltinChain(table, chain.name))
  const usersByName = new Map(users.map((chain) => [chain.name, chain]))
  for (const mine of declared.chains.values()) {
    if (isBuiltinChain(table, mine.name)) continue
    const found = usersByName.get(mine.name)
    const isShared = found !== undefined && isForeignChain(mine.name, ownership.foreign)
    chains.push(isShared ? { ...mine, rules: withOthers(mine, found) } : mine)
  }
  const undeclared = users.filter((chain) => !declared.chains.has(chain.name))
  const stale = undeclared.filter(
    ({ name }) => hookNames(table).has(name) || declared.made.has(name),
  )
  const isStale = new Set(stale)
  const used = stillUsed(stale, [...chains, ...undeclared.filter((one) => !isStale.has(one))])
  for (const chain of undeclared) {
    if (isStale.has(chain) && !used.has(chain.name)) scope.add(chain.name)
    else if (isExclusive) diagnostics.push(chainRemoval(table, chain))
    else {
      chains.push(chain)
      unmanagedChains.push({ table, chain: chain.name })
    }
  }
  return {
    table: { name: table, chains },
    scope: isExclusive ? 'all' : [...scope],
    unmanagedChains,
    othersRules,
    diagnostics,
  }

  /** A built-in chain that the policy does not declare. */
  function leaveBuiltin(found: Chain): Chain {
    const rules = found.rules.filter((rule) => !isHookJump(rule, table))
    if (rules.length < found.rules.length) scope.add(found.name)
    if (isExclusive) {
      diagnostics.push(...rules.map((rule) => ruleRemoval(found, rule, table)))
      return { ...found, rules: [] }
    }
    if (rules.length > 0) unmanagedChains.push({ table, chain: found.name })
    return { ...found, rules }
  }

  function claimBuiltin(mine: Chain, found: Chain): Chain {
    const policy = mine.policy ?? found.policy ?? 'ACCEPT'
    const counters = found.counters === undefined ? {} : { counters: found.counters }
    return { ...mine, policy, ...counters, rules: withOthers(mine, found) }
  }

  function claimHook(jump: Rule, found: Chain): Chain {
    const rules = withHook(found.rules, jump, ownership.hook)
    const chain = jump.spec.target?.name ?? ''
    const ending = declared.chains.get(chain)
    const hidden = ownership.hook === 'first' && ending !== undefined ? rules.slice(1) : []
    if (ending !== undefined) diagnostics.push(...hiddenRules({ table, found, ending, hidden }))
    const others = rules.filter((rule) => rule !== jump)
    if (others.length > 0) othersRules.push(countOthers(found.name, others))
    return { ...found, rules }
  }

  function withOthers(mine: Chain, found: Chain): readonly Rule[] {
    const others = rulesOfOthers({ mine, found, table, ownership })
    if (others.length === 0) return mine.rules
    if (isExclusive) {
      diagnostics.push(...others.map((rule) => ruleRemoval(found, rule, table)))
      return mine.rules
    }
    othersRules.push(countOthers(found.name, others))
    return keepAmong(mine.rules, found.rules, new Set(others))
  }

  function countOthers(chain: string, rules: readonly Rule[]): OthersRules {
    const place = { table, chain }
    const tools = new Set<ForeignOwner>()
    for (const rule of rules) {
      const owner = foreignOwner(rule, place, ownership.foreign)
      if (owner !== undefined && owner !== 'ownership.foreign') tools.add(owner)
    }
    return { table, chain, count: rules.length, tools: [...tools] }
  }
}

/** The rules of other tools in a chain of ours. What the policy has itself is never theirs. */
function rulesOfOthers(input: {
  readonly mine: Chain
  readonly found: Chain
  readonly table: TableName
  readonly ownership: Ownership
}): readonly Rule[] {
  const { mine, found, table, ownership } = input
  if (haveSameTexts(found.rules, mine.rules)) return []
  const texts = new Set(mine.rules.map((rule) => rule.text))
  const place = { table, chain: found.name }
  // The texts first: they spare the reading of most rules.
  const others = found.rules.filter(
    (rule) =>
      !texts.has(rule.text) &&
      foreignOwner(rule, place, ownership.foreign) !== undefined &&
      !isHookJump(rule, table),
  )
  if (others.length === 0) return []
  const keys = new Set(mine.rules.map((rule) => rule.key))
  return others.filter((rule) => !keys.has(rule.key))
}

/** The stale chains that a rule still jumps to, directly or through one another. */
function stillUsed(stale: readonly Chain[], rest: readonly Chain[]): ReadonlySet<string> {
  const used = new Set<string>()
  if (stale.length === 0) return used
  const open = [...rest]
  for (let chain = open.pop(); chain !== undefined; chain = open.pop()) {
    for (const rule of chain.rules) {
      // The text first: it spares the reading of most rules.
      if (!stale.some((one) => rule.text.includes(one.name))) continue
      const next = stale.find((one) => one.name === rule.spec.target?.name)
      if (next === undefined || used.has(next.name)) continue
      used.add(next.name)
      open.push(next)
    }
  }
  return used
}

function holdsAnything(table: Table): boolean {
  return table.chains.some(
    (chain) =>
      chain.rules.length > 0 ||
      !isBuiltinChain(table.name, chain.name) ||
      (chain.policy ?? 'ACCEPT') !== 'ACCEPT',
  )
}

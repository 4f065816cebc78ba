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
 * 4. Removing what the policy does not mention happens in `exclusive` mode only, and says so.
 */
import type { Diagnostic } from '../base/diagnostic.ts'
import { FwctlError } from '../base/error.ts'
import type { Ownership } from '../policy/policy.ts'
import { isBuiltinChain } from '../ruleset/hooks.ts'
import {
  type Chain,
  type Rule,
  type Ruleset,
  TABLES,
  type Table,
  type TableName,
} from '../ruleset/model.ts'
import { isForeignRule } from './foreign.ts'
import { identities } from './identity.ts'
import { longestCommonSubsequence } from './lcs.ts'
import { builtinChains, findTable } from './state.ts'

/** What a plan leaves alone. */
export interface Unmanaged {
  /** Tables that the policy does not name and that hold something. */
  readonly tables: readonly TableName[]
  /** Chains of named tables that the policy does not declare. */
  readonly chains: readonly { readonly table: TableName; readonly chain: string }[]
  /** Rules of other tools in chains that the policy does declare. */
  readonly rules: readonly {
    readonly table: TableName
    readonly chain: string
    readonly count: number
  }[]
}

/** Of a plan that is not made from a policy. */
export const NOTHING_UNMANAGED: Unmanaged = { tables: [], chains: [], rules: [] }

export interface Claim {
  readonly target: Ruleset
  readonly unmanaged: Unmanaged
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * `desired` holds exactly what the policy declares; a declared built-in chain without a policy
 * keeps the live one. Throws `refused` for `ownership.mode: hooks`.
 */
export function claim(input: {
  readonly desired: Ruleset
  readonly live: Ruleset
  readonly ownership: Ownership
}): Claim {
  const { desired, live, ownership } = input
  if (ownership.mode === 'hooks') {
    throw new FwctlError(
      'refused',
      'ownership.mode "hooks" is not supported yet; use "chains" (the default) or "exclusive". ' +
        'The host was not touched.',
    )
  }
  const tables: Table[] = []
  const unmanaged = { tables: [] as TableName[], chains: [] as Entry[], rules: [] as RuleCount[] }
  const diagnostics: Diagnostic[] = []
  for (const name of TABLES) {
    const mine = findTable(desired, name)
    const found = findTable(live, name)
    if (mine !== undefined) {
      const claimed = claimTable({ mine, live: found, ownership })
      tables.push(claimed.table)
      unmanaged.chains.push(...claimed.unmanagedChains)
      unmanaged.rules.push(...claimed.foreignRules)
      diagnostics.push(...claimed.diagnostics, ...danglingJumps(claimed.table, found))
    } else if (found !== undefined) {
      tables.push(found)
      if (holdsAnything(found)) unmanaged.tables.push(name)
    }
  }
  return { target: { family: live.family, tables }, unmanaged, diagnostics }
}

type Entry = Unmanaged['chains'][number]
type RuleCount = Unmanaged['rules'][number]

interface ClaimedTable {
  readonly table: Table
  readonly unmanagedChains: Entry[]
  readonly foreignRules: RuleCount[]
  readonly diagnostics: Diagnostic[]
}

function claimTable(input: {
  readonly mine: Table
  readonly live: Table | undefined
  readonly ownership: Ownership
}): ClaimedTable {
  const { mine, live, ownership } = input
  const table = mine.name
  const claimed: ClaimedTable = {
    table: { name: table, chains: [] },
    unmanagedChains: [],
    foreignRules: [],
    diagnostics: [],
  }
  const declaredChains = new Map(mine.chains.map((chain) => [chain.name, chain]))
  const chains: Chain[] = []
  for (const found of builtinChains(live, table)) {
    const declared = declaredChains.get(found.name)
    if (declared === undefined) chains.push(undeclared(found))
    else chains.push(claimBuiltin(declared, found))
  }
  chains.push(...mine.chains.filter((chain) => !isBuiltinChain(table, chain.name)))
  for (const chain of live?.chains ?? []) {
    if (isBuiltinChain(table, chain.name) || declaredChains.has(chain.name)) continue
    if (ownership.mode === 'exclusive') claimed.diagnostics.push(removal(table, chain))
    else chains.push(undeclared(chain))
  }
  return { ...claimed, table: { name: table, chains } }

  function undeclared(chain: Chain): Chain {
    if (ownership.mode === 'exclusive' && chain.rules.length > 0) {
      claimed.diagnostics.push(removal(table, chain))
      return { ...chain, rules: [] }
    }
    if (!isBuiltinChain(table, chain.name) || chain.rules.length > 0) {
      claimed.unmanagedChains.push({ table, chain: chain.name })
    }
    return chain
  }

  function claimBuiltin(declared: Chain, found: Chain): Chain {
    const policy = declared.policy ?? found.policy ?? 'ACCEPT'
    const counters = found.counters === undefined ? {} : { counters: found.counters }
    const chain = { ...declared, policy, ...counters }
    if (ownership.mode === 'exclusive') return chain
    const rules = keepForeignRules(declared.rules, found.rules, ownership.foreign)
    const count = rules.length - declared.rules.length
    if (count > 0) claimed.foreignRules.push({ table, chain: found.name, count })
    return { ...chain, rules }
  }
}

/**
 * The desired rules with the foreign rules of the live chain between them. Between two rules of
 * ours that stay, a foreign rule stands before the new ones, unless rules of ours that go away
 * stood before it: then as many new ones come first, and all of them when none stood behind it. At
 * the end of the chain it stays at the end.
 */
function keepForeignRules(
  desired: readonly Rule[],
  live: readonly Rule[],
  patterns: readonly string[],
): readonly Rule[] {
  const desiredTexts = new Set(desired.map((rule) => rule.text))
  const others = live.filter((rule) => !desiredTexts.has(rule.text))
  if (others.length === 0) return desired
  const desiredKeys = new Set(desired.map((rule) => rule.key))
  const foreign = new Set(
    others.filter((rule) => isForeignRule(rule, patterns) && !desiredKeys.has(rule.key)),
  )
  const isForeign = live.map((rule) => foreign.has(rule))
  if (foreign.size === 0) return desired

  const own = live.flatMap((rule, index) => (isForeign[index] ? [] : [{ rule, index }]))
  const ownRules = own.map((entry) => entry.rule)
  const kept = longestCommonSubsequence(...identities(ownRules, desired)).map(([i, j]) => ({
    live: own[i]?.index ?? 0,
    desired: j,
  }))

  const rules: Rule[] = []
  let before = { live: -1, desired: -1 }
  for (const next of [...kept, { live: live.length, desired: desired.length }]) {
    rules.push(
      ...fillGap({
        added: desired.slice(before.desired + 1, next.desired),
        found: live.slice(before.live + 1, next.live),
        isForeign: isForeign.slice(before.live + 1, next.live),
        atTail: next.live === live.length && before.live >= 0,
      }),
    )
    const rule = desired[next.desired]
    if (rule !== undefined) rules.push(rule)
    before = next
  }
  return rules
}

function fillGap(gap: {
  readonly added: readonly Rule[]
  readonly found: readonly Rule[]
  readonly isForeign: readonly boolean[]
  readonly atTail: boolean
}): Rule[] {
  const { added, found, isForeign } = gap
  const leaving = isForeign.filter((foreign) => !foreign).length
  const rules: Rule[] = []
  let passed = 0
  let placed = 0
  for (const [index, rule] of found.entries()) {
    if (!isForeign[index]) {
      passed++
      continue
    }
    const last = passed === leaving && (passed > 0 || gap.atTail)
    const until = last ? added.length : Math.min(passed, added.length)
    rules.push(...added.slice(placed, until), rule)
    placed = until
  }
  return [...rules, ...added.slice(placed)]
}

function removal(table: TableName, chain: Chain): Diagnostic {
  const count = `${chain.rules.length} ${chain.rules.length === 1 ? 'rule' : 'rules'}`
  const what = isBuiltinChain(table, chain.name)
    ? `empties the built-in chain ${chain.name} of table ${table}, which the policy does not declare`
    : `deletes the chain ${chain.name} of table ${table}, which the policy does not declare`
  return {
    code: 'undeclared-removed',
    severity: 'warning',
    message: `ownership.mode "exclusive" ${what} (${count})`,
    hint: 'declare the chain, or use ownership.mode "chains" to leave it alone',
  }
}

/** A rule that stays must not jump to a chain that `exclusive` mode deletes. */
function danglingJumps(target: Table, live: Table | undefined): Diagnostic[] {
  const kept = new Set(target.chains.map((chain) => chain.name))
  const gone = new Set(live?.chains.map((chain) => chain.name).filter((name) => !kept.has(name)))
  if (gone.size === 0) return []
  return target.chains.flatMap((chain) =>
    chain.rules
      .filter((rule) => gone.has(rule.spec.target?.name ?? ''))
      .map((rule): Diagnostic => {
        const { file, line, column } = rule.origin ?? {}
        const at =
          file === undefined || line === undefined || column === undefined
            ? {}
            : { file, line, column }
        return {
          code: 'dangling-jump',
          severity: 'error',
          message: `a rule of ${target.name} ${chain.name} jumps to ${rule.spec.target?.name}, which ownership.mode "exclusive" deletes`,
          hint: 'declare that chain in the policy',
          ...at,
        }
      }),
  )
}

function holdsAnything(table: Table): boolean {
  return table.chains.some(
    (chain) =>
      chain.rules.length > 0 ||
      !isBuiltinChain(table.name, chain.name) ||
      (chain.policy ?? 'ACCEPT') !== 'ACCEPT',
  )
}

import { type Diagnostic, hasErrors, type Position } from '../base/diagnostic.ts'
import { BUILTIN_NAMES } from '../extensions/builtin-names.ts'
import type { Names } from '../extensions/names.ts'
import type { SetGoal } from '../ipset/set.ts'
import { BUILTIN_CHAINS } from '../ruleset/hooks.ts'
import {
  type Chain,
  type Dialect,
  type Family,
  type Rule,
  type Ruleset,
  TABLES,
  type Table,
} from '../ruleset/model.ts'
import { checkChain } from './chain-names.ts'
import { hasControlCharacter } from './control-characters.ts'
import { FilledRule } from './filled-rule.ts'
import { startFindings } from './findings.ts'
import { FoldedRule } from './folded-rule.ts'
import { type FoldedText, startFoldingTexts } from './folded-text.ts'
import { compileMapping } from './mapping-rule.ts'
import { checkGroups } from './operand.ts'
import type { Policy, PolicyChain, PolicyTable } from './policy.ts'
import { checkReferences, type ExternalJump } from './references.ts'
import type { CompiledRule, RuleContext } from './rule-context.ts'
import { type CompileFolded, startPatterns } from './rule-pattern.ts'
import {
  checkSetReferences,
  type DeclaredSets,
  type ExternalSet,
  narrowToSets,
  setGoals,
  setsByName,
} from './set-rules.ts'
import { compileText } from './text-rule.ts'
import { hasUnresolved, type ScalarValue, type Value } from './value.ts'

/** What a policy declares for one family: every table and chain in it is ours. */
export type DesiredRuleset = Ruleset

export interface CompileOptions {
  /** The families to compile for; those that the policy is not for are left out. */
  readonly dialects: Readonly<Partial<Record<Family, Dialect>>>
  readonly names?: Names
  /** Rules that expired before it are left out; absent: none are. */
  readonly now?: Date
}

export interface CompiledPolicy {
  /** Empty when the policy has errors. */
  readonly desired: Readonly<Partial<Record<Family, DesiredRuleset>>>
  /** Jumps to chains that the policy does not declare; see `danglingJumps`. */
  readonly externalJumps: readonly ExternalJump[]
  /** What the declared sets should be. Empty when the policy has errors. */
  readonly sets: readonly SetGoal[]
  /** Sets that the policy uses without declaring them. */
  readonly externalSets: readonly ExternalSet[]
  readonly diagnostics: readonly Diagnostic[]
  /** The last millisecond since 1970 at which the same comes out; absent: it knows no time. */
  readonly sameUntil?: number
}

/** Compiles a policy to the rules that it stands for. Pure; reports everything that is wrong. */
export function compilePolicy(policy: Policy, options: CompileOptions): CompiledPolicy {
  const findings = startFindings()
  const { dialects, names = BUILTIN_NAMES, now } = options
  const targetAt = startTargetPositions()
  const deadlines: number[] = []
  const compilers = startCompilers()
  const families = policy.families.filter((family) => dialects[family] !== undefined)
  const sets = setsByName(policy.sets)
  checkGroups({ groups: policy.groups, names, findings })
  const compiled = policy.tables.map((table) =>
    compileTable(table, {
      sets,
      unseen: policy.families.filter((family) => dialects[family] === undefined),
      groups: policy.groups,
      names,
      findings,
      dialects,
      families,
      targetAt,
      deadlines,
      compilers,
      ...(now && { now }),
    }),
  )
  const rulesets = families.map((family): Ruleset => {
    const tables = compiled.flatMap((table) => table[family] ?? [])
    return { family, tables: TABLES.flatMap((name) => tables.find((t) => t.name === name) ?? []) }
  })
  const externalJumps = rulesets.flatMap((ruleset) =>
    checkReferences(ruleset, dialects[ruleset.family]?.backend, { findings, targetAt }),
  )
  const externalSets = checkSetReferences(rulesets, sets, { findings, complete: policy.valid })
  const diagnostics = findings.list()
  const failed = !policy.valid || hasErrors(diagnostics)
  const desired = failed ? {} : Object.fromEntries(rulesets.map((r) => [r.family, r]))
  const goals = failed ? [] : setGoals(rulesets, policy.sets)
  const sameUntil = deadlines.reduce((a, b) => Math.min(a, b), Number.MAX_SAFE_INTEGER)
  return {
    desired,
    externalJumps,
    sets: goals,
    externalSets,
    diagnostics,
    ...(deadlines.length > 0 && { sameUntil }),
  }
}

/** A filled rule is asked for the position itself: it can be read again where it is written. */
function startTargetPositions(): RuleContext['targetAt'] {
  const positions = new WeakMap<Rule, Position>()
  return {
    get: (rule) => (rule instanceof FilledRule ? rule.targetAt : positions.get(rule)),
    set: (rule, at) => positions.set(rule, at),
  }
}

type ByFamily<T> = Readonly<Partial<Record<Family, T>>>

/** What compiling a table needs to know beside what its rules do. */
interface TableContext extends RuleContext {
  readonly sets: DeclaredSets
  readonly unseen: readonly Family[]
  readonly compilers: Compilers
}

function compileTable(table: PolicyTable, context: TableContext): ByFamily<Table> {
  const families = narrow(context.families, table.family)
  const chains = table.chains.map((chain) => {
    checkChain(chain, table.name, context.findings)
    if (chain.family !== undefined && table.family !== undefined && chain.family !== table.family) {
      const message = `chain ${chain.name} is for ${chain.family} in a table for ${table.family}`
      context.findings.error('family-mismatch', chain.at, message)
    }
    return compileChain(chain, { ...context, families: narrow(families, chain.family) })
  })
  return forFamilies(families, (family) => ({
    name: table.name,
    chains: orderChains(
      table,
      chains.flatMap((chain) => chain[family] ?? []),
    ),
  }))
}

function narrow(families: readonly Family[], only: Family | undefined): readonly Family[] {
  return only === undefined ? families : families.filter((family) => family === only)
}

function forFamilies<T>(families: readonly Family[], make: (family: Family) => T): ByFamily<T> {
  return Object.fromEntries(families.map((family) => [family, make(family)]))
}

/** As iptables-save prints them: built-in chains by hook, the others in byte order. */
function orderChains(table: PolicyTable, chains: readonly Chain[]): readonly Chain[] {
  const hooks: readonly string[] = BUILTIN_CHAINS[table.name]
  const builtin = hooks.flatMap((hook) => chains.find((chain) => chain.name === hook) ?? [])
  const user = chains.filter((chain) => !hooks.includes(chain.name))
  return [...builtin, ...user.sort((a, b) => (a.name < b.name ? -1 : 1))]
}

function compileChain(chain: PolicyChain, context: TableContext): ByFamily<Chain> {
  const rules = chain.rules.map((rule) => narrowToSets(compileRule(rule, context), context))
  return forFamilies(context.families, (family) => {
    const policy = chain.policies[family]
    return {
      name: chain.name,
      ...(policy && { policy }),
      rules: rules.flatMap((rule): readonly Rule[] => rule[family] ?? []),
      origin: chain.at,
    }
  })
}

function compileRule(rule: Value, context: TableContext): CompiledRule {
  if (rule instanceof FoldedRule) return context.compilers.folded(rule, context)
  // Both are reported already; more about the same rule would only be noise.
  if (hasUnresolved(rule) || hasControlText(rule)) return {}
  switch (rule.kind) {
    case 'map':
      return compileMapping(rule, context)
    case 'scalar':
      return context.compilers.text(rule, context)
    case 'list':
      return {}
  }
}

/** Of rules that may have their form in common with others. */
interface Compilers {
  readonly folded: CompileFolded<FoldedRule>
  readonly text: (rule: ScalarValue, context: RuleContext) => CompiledRule
}

/** Fewer texts are compiled sooner than it is worth to fold them. */
const FOLDED_TEXTS = 100

function startCompilers(): Compilers {
  const fold = startFoldingTexts()
  const compileFoldedText = startPatterns<FoldedText>(({ rule }, about) => compileText(rule, about))
  let texts = 0
  return {
    // Its entries are read each time that somebody asks.
    folded: startPatterns(({ entries, at }, about) =>
      compileMapping({ kind: 'map', entries, at }, about),
    ),
    text: (rule, about) => {
      texts++
      const folded = texts < FOLDED_TEXTS ? undefined : fold(rule)
      return folded === undefined ? compileText(rule, about) : compileFoldedText(folded, about)
    },
  }
}

function hasControlText(rule: Value): boolean {
  return rule.kind === 'scalar' && hasControlCharacter(rule.text)
}

/** What only the whole ruleset shows, said where the policy says it; and jumps to others' chains. */
import type { Diagnostic, DiagnosticCode, Position } from '../base/diagnostic.ts'
import { findTarget } from '../extensions/catalogue.ts'
import { checkRuleset } from '../iptables/check.ts'
import { isBuiltinChain, VERDICTS } from '../ruleset/hooks.ts'
import {
  type Backend,
  FAMILIES,
  type Family,
  type Rule,
  type Ruleset,
  type TableName,
} from '../ruleset/model.ts'
import { outlineOf } from '../ruleset/outline.ts'
import type { Findings } from './findings.ts'
import { didYouMean } from './nearest.ts'

/** A jump to a chain that the policy does not declare: fine if the host has that chain. */
export interface ExternalJump {
  readonly family: Family
  readonly table: TableName
  readonly chain: string
  readonly target: string
  readonly at: Position
  readonly hint?: string
}

type TargetPositions = Pick<WeakMap<Rule, Position>, 'get'>

const ABOUT_JUMPS: ReadonlySet<DiagnosticCode> = new Set([
  'dangling-jump',
  'jump-loop',
  'jump-to-builtin',
  'wrong-table',
])
const NOWHERE: Position = { file: '', line: 1, column: 1 }

/** Reports what is wrong with the ruleset, but for jumps to undeclared chains, which it returns. */
export function checkReferences(
  ruleset: Ruleset,
  backend: Backend | undefined,
  { findings, targetAt }: { readonly findings: Findings; readonly targetAt: TargetPositions },
): ExternalJump[] {
  for (const problem of checkRuleset(ruleset, backend)) {
    const chain = ruleset.tables
      .find((table) => table.name === problem.table)
      ?.chains.find((c) => c.name === problem.chain)
    const rule = problem.rule === undefined ? undefined : chain?.rules[problem.rule]
    // Both are reported by their authors: below, and where the text of the rule is read.
    if (rule !== undefined && problem.code === 'dangling-jump' && userChain(rule)) continue
    if (problem.code === 'unknown-extension') continue
    const { code, message, hint, severity } = problem
    const isJump = rule !== undefined && ABOUT_JUMPS.has(code)
    if (code === 'jump-loop' && isBuiltinChain(problem.table as TableName, targetName(rule)))
      continue
    const at = (isJump ? targetAt.get(rule) : undefined) ?? (rule ?? chain)?.origin ?? NOWHERE
    findings.add(severity, { code, at, message, hint })
  }
  return findExternalJumps(ruleset, targetAt)
}

function targetName(rule: Rule | undefined): string {
  return (rule && outlineOf(rule).target?.name) ?? ''
}

function findExternalJumps({ family, tables }: Ruleset, targetAt: TargetPositions): ExternalJump[] {
  return tables.flatMap((table) => {
    const declared = new Set(table.chains.map((chain) => chain.name))
    return table.chains.flatMap((chain) =>
      chain.rules.flatMap((rule): ExternalJump[] => {
        const target = userChain(rule)
        const isOurs = target === undefined || declared.has(target)
        if (isOurs || isBuiltinChain(table.name, target)) return []
        const hint = didYouMean(target, [...declared, ...VERDICTS])
        const at = targetAt.get(rule) ?? rule.origin ?? NOWHERE
        const jump = { family, table: table.name, chain: chain.name, target, at }
        return [hint === undefined ? jump : { ...jump, hint }]
      }),
    )
  })
}

/** The user-defined chain that a rule jumps to, if it does. */
function userChain(rule: Rule): string | undefined {
  const { target } = outlineOf(rule)
  if (target === undefined || target.opaque !== undefined) return undefined
  const { name } = target
  const isTarget = FAMILIES.some((family) => findTarget(name, family) !== undefined)
  return VERDICTS.includes(name) || isTarget ? undefined : name
}

/** The jumps that lead nowhere, when `isKnown` tells which chains exist besides the declared ones. */
export function danglingJumps(
  jumps: readonly ExternalJump[],
  isKnown: (jump: ExternalJump) => boolean,
): Diagnostic[] {
  const findings = jumps
    .filter((jump) => !isKnown(jump))
    .map(
      ({ table, target, at: { file, line, column }, hint }): Diagnostic => ({
        code: 'dangling-jump',
        severity: 'error',
        message: `table ${table} has no chain "${target}"`,
        hint: hint ?? `declare it under tables.${table}.chains, or name it in ownership.foreign`,
        file,
        line,
        column,
      }),
    )
  return [...new Map(findings.map((finding) => [JSON.stringify(finding), finding])).values()]
}

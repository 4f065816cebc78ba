/** Tables of typed rules and what a kernel saved of them, and how fwctl reads such rules. */
import { readFileSync } from 'node:fs'
import { BUILTIN_NAMES as names } from '../../src/extensions/builtin-names.ts'
import { parseRule } from '../../src/iptables/parse-rule.ts'
import type { RuleProblem } from '../../src/iptables/reading.ts'
import { makeRule } from '../../src/iptables/rule.ts'
import { tokenise } from '../../src/iptables/tokenise.ts'
import type { Dialect, Family, Rule, RuleSpec } from '../../src/ruleset/model.ts'

export interface Row {
  readonly family: Family
  readonly typed: string
  /** The save, `!CODE` of a refusal or `?CODE` of a caution. */
  readonly saved: string
}

export interface ReadRule {
  readonly rule: Rule | undefined
  readonly problems: readonly RuleProblem[]
  readonly cautions: readonly RuleProblem[]
}

/** Reads a rule as iptables 1.8.9 on nft would, unless `dialect` says otherwise. */
export function readRule(line: string, dialect: Partial<Dialect> = {}): ReadRule {
  const full: Dialect = { family: 'ipv4', backend: 'nft', version: [1, 8, 9], ...dialect }
  const { specs, problems, cautions } = parseRule(tokenise(line).words, { dialect: full, names })
  const [spec] = specs
  const rule = spec && makeRule(spec as RuleSpec, { dialect: full, names })
  return { rule, problems, cautions }
}

/** A rule that must be readable. */
export function ruleOf(line: string, dialect?: Partial<Dialect>): Rule {
  const { rule, problems } = readRule(line, dialect)
  if (rule === undefined) throw new Error(`${line}: ${problems[0]?.message}`)
  return rule
}

/** The sections of a table next to this file, by the name of the extension. */
export function readTable(file: string): Map<string, Row[]> {
  const table = new Map<string, Row[]>()
  let rows: Row[] = []
  for (const line of readFileSync(new URL(file, import.meta.url), 'utf8').split('\n')) {
    const name = /^# (\w+)$/.exec(line)?.[1]
    if (name !== undefined) {
      rows = []
      table.set(name, rows)
    }
    const row = /^(4?6?) (.*) => (.*)$/.exec(line)
    if (row === null || line.startsWith('#')) continue
    const [, families = '', typed = '', saved = ''] = row
    for (const digit of families) {
      const family = digit === '4' ? 'ipv4' : 'ipv6'
      rows.push({ family, typed, saved: saved === '=' ? typed : saved })
    }
  }
  return table
}

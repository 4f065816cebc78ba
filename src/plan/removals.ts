/** What a claim warns of: what it takes away from others, and what it keeps from being reached. */
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Chain, Rule, Table, TableName } from '../ruleset/model.ts'

/** Whether a finding is about something of others that goes: the operator has to ask for that. */
export function isRemovalOfOthers({ code }: Diagnostic): boolean {
  return code === 'undeclared-removed' || code === 'foreign-removed'
}

/** A chain that the policy does not declare, in a table that is ours alone. */
export function chainRemoval(table: TableName, chain: Chain): Diagnostic {
  const count = `${chain.rules.length} ${chain.rules.length === 1 ? 'rule' : 'rules'}`
  return {
    code: 'undeclared-removed',
    severity: 'warning',
    message:
      `ownership.mode "exclusive" deletes the chain ${chain.name} of table ${table}, which the ` +
      `policy does not declare (${count})`,
    hint: 'declare the chain, or use ownership.mode "chains" to leave it alone',
  }
}

/** A rule of another tool, or of a built-in chain that the policy does not declare. */
export function ruleRemoval(chain: Chain, rule: Rule, table: TableName): Diagnostic {
  const position = chain.rules.indexOf(rule) + 1
  return {
    code: 'foreign-removed',
    severity: 'warning',
    message: `ownership.mode "exclusive" deletes rule ${position} of ${table} ${chain.name}, which is not of the policy: ${rule.text || '(matches everything, does nothing)'}`,
    hint: 'put the rule into the policy, or use ownership.mode "chains" to leave it alone',
  }
}

/** The rules behind a jump to a chain whose last rule decides over everything. */
export function hiddenRules(input: {
  readonly table: TableName
  readonly found: Chain
  readonly ending: Chain
  readonly hidden: readonly Rule[]
}): Diagnostic[] {
  const { table, found, ending, hidden } = input
  const last = ending.rules.at(-1)
  const verdict = last?.text === '-j DROP' || last?.text === '-j ACCEPT' ? last.text.slice(3) : ''
  if (hidden.length === 0 || verdict === '') return []
  const count = `${hidden.length} ${hidden.length === 1 ? 'rule' : 'rules'}`
  const { file, line, column } = ending.origin ?? {}
  return [
    {
      code: 'hook-hides-rules',
      severity: 'warning',
      message: `${count} of others in ${table} ${found.name} will never be reached: ${ending.name} comes first and ends with ${verdict}`,
      hint: 'use ownership.hook "last", or leave the policy of the chain out',
      ...(file === undefined || line === undefined || column === undefined
        ? {}
        : { file, line, column }),
    },
  ]
}

/** A rule that stays must not jump to a chain that goes. */
export function danglingJumps(target: Table, live: Table | undefined): Diagnostic[] {
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

import { isBuiltinChain } from '../ruleset/hooks.ts'
import { TABLES, type TableName } from '../ruleset/model.ts'
import type { Findings } from './findings.ts'
import type { PolicyChain } from './policy.ts'

/** Reports what a user-defined chain can not be; whether iptables takes its name comes later. */
export function checkChain(chain: PolicyChain, table: TableName, findings: Findings): void {
  if (isBuiltinChain(table, chain.name)) return
  const homes = TABLES.filter((name) => isBuiltinChain(name, chain.name))
  if (homes.length > 0) {
    const message = `table ${table} has no built-in chain ${chain.name}: no packet would enter it`
    findings.error('chain-name', chain.at, message, `it is in: ${homes.join(', ')}`)
  } else if (chain.policyAt !== undefined) {
    const message = `${chain.name} is not built into ${table}: it can not have a default policy`
    const hint = 'end the chain with the rule { jump: DROP }'
    findings.error('policy-not-allowed', chain.policyAt, message, hint)
  }
}

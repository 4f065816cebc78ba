import { utf8Length } from '../../extensions/values/text.ts'
import { chainNameProblem } from '../../iptables/check.ts'
import { CHAIN_NAME_BYTES, isBuiltinChain } from '../../ruleset/hooks.ts'
import type { TableName } from '../../ruleset/model.ts'
import { callFailure } from './failure.ts'

/**
 * For a chain that should be there. iptables would read a name such as `-v` as an option and the
 * command as one for all chains: `-F -v` flushes the whole table.
 */
export function checkChain(table: TableName, chain: string): void {
  if (chain === '' || /^[-!]/.test(chain) || utf8Length(chain) > CHAIN_NAME_BYTES) {
    throw callFailure(
      'chain-not-found',
      `Table ${table} can have no chain ${JSON.stringify(chain)}`,
    )
  }
}

/** For a chain that is to be made. nft takes any new name in a rename, also that of a target. */
export function checkNewChain(table: TableName, chain: string): void {
  if (isBuiltinChain(table, chain)) {
    throw callFailure('chain-exists', `Chain ${chain} of table ${table} is built in`)
  }
  const problem = chainNameProblem(chain, { name: table, chains: [] })
  if (problem) throw callFailure('invalid-chain-name', problem.message)
}

/** nft renames and deletes the chain that hangs on the hook as if it were any other. */
export function refuseBuiltin(table: TableName, chain: string, verb: string): void {
  checkChain(table, chain)
  if (isBuiltinChain(table, chain)) {
    throw callFailure('builtin-chain', `The built-in chain ${chain} can not be ${verb}`)
  }
}

/** Rules count from 1. */
export function checkPosition(position: number): void {
  if (Number.isInteger(position) && position >= 1 && position <= 0x7fffffff) return
  throw callFailure('index-out-of-range', `Rules count from 1: there is no rule ${position}`)
}

export function checkPolicy(policy: string): void {
  if (policy === 'ACCEPT' || policy === 'DROP') return
  throw callFailure('invalid-policy', `A policy is ACCEPT or DROP, not ${JSON.stringify(policy)}`)
}

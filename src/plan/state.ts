/**
 * The state of a family as one text. A table that is not there and a table whose built-in chains
 * are empty and ACCEPT behave the same, and both back ends drop or list such tables as they like,
 * so both have the same text. Counters, and the order of user-defined chains, are no part of it.
 */
import { digest } from '../base/digest.ts'
import { BUILTIN_CHAINS, isBuiltinChain } from '../ruleset/hooks.ts'
import {
  type Chain,
  type Rule,
  type Ruleset,
  TABLES,
  type Table,
  type TableName,
} from '../ruleset/model.ts'

/** The digest of the whole state, by the keys of the rules. Equal digests: nothing differs. */
export function rulesetDigest(ruleset: Ruleset): string {
  return digest(`${ruleset.family}\n${stateText(ruleset, (rule) => rule.key)}`)
}

/** The state as restore input, without counters; one way to write each state. */
export function stateText(
  ruleset: Ruleset,
  ruleText: (rule: Rule, chain: Chain, table: TableName) => string = (rule) => rule.text,
): string {
  const lines: string[] = []
  for (const name of TABLES) {
    const table = findTable(ruleset, name)
    const chains = [...builtinChains(table, name), ...userChains(table)]
    if (chains.every(isDefault)) continue
    lines.push(`*${name}`)
    for (const chain of chains) lines.push(`:${chain.name} ${chain.policy ?? '-'} [0:0]`)
    for (const chain of chains) {
      for (const rule of chain.rules) {
        lines.push(`-A ${chain.name} ${ruleText(rule, chain, name)}`.trimEnd())
      }
    }
    lines.push('COMMIT')
  }
  return lines.map((line) => `${line}\n`).join('')
}

export function findTable(ruleset: Ruleset, name: TableName): Table | undefined {
  return ruleset.tables.find((table) => table.name === name)
}

/** Every built-in chain of the table with its policy, whether the table lists it or not. */
export function builtinChains(table: Table | undefined, name: TableName): readonly Chain[] {
  return BUILTIN_CHAINS[name].map((hook) => {
    const chain = table?.chains.find((found) => found.name === hook) ?? { name: hook, rules: [] }
    return chain.policy === undefined ? { ...chain, policy: 'ACCEPT' } : chain
  })
}

/** The user-defined chains, by name. */
function userChains(table: Table | undefined): readonly Chain[] {
  if (table === undefined) return []
  return table.chains
    .filter((chain) => !isBuiltinChain(table.name, chain.name))
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

/** Whether it is that of a host, or a namespace, on which nobody has changed anything. */
export function isDefaultState({ tables }: Ruleset): boolean {
  return tables.every(({ chains }) => chains.every(isDefault))
}

function isDefault(chain: Chain): boolean {
  return chain.policy === 'ACCEPT' && chain.rules.length === 0
}

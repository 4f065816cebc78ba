/** Rules of others that a batch hit by number because somebody shifted the numbers meanwhile. */
import type { Hit } from '../plan/batch.ts'
import type { Chain, Family, Rule, Ruleset, TableName } from '../ruleset/model.ts'
import type { FamilyTools } from './backend.ts'
import { parseLive } from './live.ts'

export interface LostRule extends Hit {
  readonly family: Family
  readonly table: TableName
  readonly chain: string
  /** What was there instead of `rule`, as iptables-save -c prints it. */
  readonly line: string
}

/** `before` with the lost rules at the numbers that they had: what somebody had made of it. */
export function withLostRules(
  before: Ruleset,
  lost: readonly LostRule[],
  { dialect }: FamilyTools,
): Ruleset {
  const own = lost.filter((rule) => rule.family === before.family)
  if (own.length === 0) return before
  const tables = before.tables.map((table) => ({
    ...table,
    chains: table.chains.map((chain) => {
      const here = own.filter((rule) => rule.table === table.name && rule.chain === chain.name)
      return here.length === 0 ? chain : withRules(chain, here, dialect)
    }),
  }))
  return { ...before, tables }
}

function withRules(
  chain: Chain,
  lost: readonly LostRule[],
  dialect: FamilyTools['dialect'],
): Chain {
  const rules = [...chain.rules]
  for (const { position, line, table } of lost.toSorted((a, b) => a.position - b.position)) {
    const rule = readRule({ table, chain: chain.name, line, dialect })
    // One of ours that had another number than we thought is in `before` already.
    const isOurs = rule === undefined || chain.rules.some((one) => one.key === rule.key)
    if (!isOurs) rules.splice(position - 1, 0, rule)
  }
  return { ...chain, rules }
}

function readRule(input: {
  readonly table: TableName
  readonly chain: string
  readonly line: string
  readonly dialect: FamilyTools['dialect']
}): Rule | undefined {
  const { table, chain, line, dialect } = input
  const dump = `*${table}\n:${chain} - [0:0]\n${line}\nCOMMIT\n`
  const { ruleset } = parseLive(dump, { family: dialect.family, dialect, file: 'the witness' })
  return ruleset.tables[0]?.chains.find((one) => one.name === chain)?.rules[0]
}

/** Where the rules and chains of a saved plan come from: their text does not say. */
import type { Origin, Ruleset, TableName } from '../ruleset/model.ts'
import { ruleWith } from '../ruleset/rule-with.ts'
import type { Change } from './change.ts'
import type { SavedFamilyShape } from './saved-shape.ts'

type SavedOrigin = SavedFamilyShape['origins'][number]

export function originsOf(target: Ruleset): SavedOrigin[] {
  return target.tables.flatMap((table) =>
    table.chains.flatMap((chain) =>
      chain.rules.flatMap((rule, index) => {
        if (rule.origin === undefined) return []
        const { file, line, column, name, owner, ticket, expires } = rule.origin
        const at = { table: table.name, chain: chain.name, rule: index + 1, file, line, column }
        const said = Object.entries({ name, owner, ticket, expires }).filter(
          ([, text]) => text !== undefined,
        )
        return [{ ...at, ...Object.fromEntries(said) }]
      }),
    ),
  )
}

/** Of the chains that come, or get another policy: of no other is it shown. */
export function chainOriginsOf(changes: readonly Change[]): SavedFamilyShape['chains'] {
  return changes.flatMap((change) => {
    if (change.kind !== 'chain-add' && change.kind !== 'policy-change') return []
    const { table, after } = change
    if (after.origin === undefined) return []
    const { file, line, column } = after.origin
    return [{ table, chain: after.name, file, line, column }]
  })
}

export function withOrigins(
  target: Ruleset,
  { origins, chains }: Pick<SavedFamilyShape, 'origins' | 'chains'>,
): Ruleset {
  const known = new Map<string, Origin>()
  const placeOf = (table: TableName, chain: string, rule: number): string =>
    `${table} ${chain} ${rule}`
  for (const { table, chain, rule, ...origin } of origins) {
    known.set(placeOf(table, chain, rule), origin)
  }
  const declared = new Map<string, Origin>()
  for (const { table, chain, ...origin } of chains) declared.set(`${table} ${chain}`, origin)
  const tables = target.tables.map((table) => ({
    ...table,
    chains: table.chains.map((chain) => ({
      ...chain,
      ...originOf(declared.get(`${table.name} ${chain.name}`)),
      rules: chain.rules.map((rule, index) => {
        const origin = known.get(placeOf(table.name, chain.name, index + 1))
        return origin === undefined ? rule : ruleWith(rule, { origin })
      }),
    })),
  }))
  return { ...target, tables }
}

function originOf(origin: Origin | undefined): { readonly origin?: Origin } {
  return origin === undefined ? {} : { origin }
}

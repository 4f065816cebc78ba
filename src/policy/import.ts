/** From live rules to a policy that compiles to exactly them. */
import { BUILTIN_NAMES } from '../extensions/builtin-names.ts'
import type { Names } from '../extensions/names.ts'
import type { IpSet } from '../ipset/set.ts'
import { isBuiltinChain } from '../ruleset/hooks.ts'
import {
  type Chain,
  type Dialect,
  FAMILIES,
  type Family,
  type Ruleset,
  type TableName,
} from '../ruleset/model.ts'
import { type Contexts, importRules } from './import-chain.ts'
import { nameGroups } from './import-groups.ts'
import { importSets } from './import-sets.ts'
import type { Value } from './value.ts'
import { escapeReferences } from './variables.ts'
import { block, dashed, flow, quoteIfNeeded, textValue } from './written.ts'

export interface ImportOptions {
  /** Of the policy. */
  readonly name?: string
  /** What the rules were saved by. Default: nft 1.8.9. */
  readonly dialects?: Readonly<Partial<Record<Family, Dialect>>>
  readonly names?: Names
  /** The live ipsets that the rules use, and the members of lists; absent: they stay undeclared. */
  readonly sets?: ReadonlyMap<string, IpSet>
}

type Rulesets = Readonly<Partial<Record<Family, Ruleset>>>

/** The order that people expect, with the tables that are used most first. */
const TABLE_ORDER: readonly TableName[] = ['filter', 'nat', 'mangle', 'raw', 'security']

/**
 * A readable policy that compiles to the given rules: comments become names, runs of addresses
 * lists, repeated lists groups, and a rule that both families have is written once. What has no
 * structured form is written as text.
 */
export function importPolicy(rulesets: Rulesets, options: ImportOptions = {}): string {
  const families = FAMILIES.filter((family) => rulesets[family] !== undefined)
  const contexts: Contexts = Object.fromEntries(
    families.map((family) => [
      family,
      {
        dialect: options.dialects?.[family] ?? { family, backend: 'nft', version: [1, 8, 9] },
        names: options.names ?? BUILTIN_NAMES,
      },
    ]),
  )
  const tables = TABLE_ORDER.flatMap((name) => collectTable(name, rulesets, contexts) ?? [])
  const { groups, rename } = nameGroups(tables.flatMap((t) => t.chains.flatMap((c) => c.rules)))
  return [
    'apiVersion: fwctl/v1',
    `metadata: { name: ${quoteIfNeeded(options.name ?? 'imported')} }`,
    ...(families.length === 1 ? [`families: [${families[0]}]`] : []),
    ...(groups.length === 0 ? [] : ['define:', '  addresses:']),
    ...groups.flatMap(({ key, value }) => {
      const [first = '', ...rest] = block(value, 6, 6 + key.length)
      return [`    ${key}:${first === '' ? '' : ` ${first}`}`, ...rest]
    }),
    ...importSets(Object.values(rulesets), options.sets ?? new Map()),
    ...(tables.length === 0 ? ['tables: {}'] : ['tables:']),
    ...tables.flatMap((table) => writeTable(table, families, rename)),
    '',
  ].join('\n')
}

interface ImportedChain {
  readonly name: string
  readonly families: readonly Family[]
  readonly policies: Readonly<Partial<Record<Family, string>>>
  readonly rules: readonly Value[]
}

interface ImportedTable {
  readonly name: TableName
  readonly families: readonly Family[]
  readonly chains: readonly ImportedChain[]
}

function collectTable(
  name: TableName,
  rulesets: Rulesets,
  contexts: Contexts,
): ImportedTable | undefined {
  const found = FAMILIES.flatMap((family) => {
    const table = rulesets[family]?.tables.find((t) => t.name === name)
    return table === undefined ? [] : [{ family, table }]
  })
  if (found.length === 0) return undefined
  const chains = new Map<string, Map<Family, Chain>>()
  for (const { family, table } of found) {
    for (const chain of table.chains) {
      const known = chains.get(chain.name) ?? new Map<Family, Chain>()
      chains.set(chain.name, known.set(family, chain))
    }
  }
  return {
    name,
    families: found.map(({ family }) => family),
    chains: [...chains].map(([chainName, byFamily]) => ({
      name: chainName,
      families: [...byFamily.keys()],
      policies: isBuiltinChain(name, chainName)
        ? Object.fromEntries([...byFamily].map(([f, chain]) => [f, chain.policy ?? 'ACCEPT']))
        : {},
      rules: importRules(
        Object.fromEntries([...byFamily].map(([family, chain]) => [family, chain.rules])),
        contexts,
      ),
    })),
  }
}

function writeTable(
  { name, families, chains }: ImportedTable,
  all: readonly Family[],
  rename: (rule: Value) => Value,
): string[] {
  const only = families.length < all.length ? [`    family: ${families[0]}`] : []
  const lines = chains.flatMap((chain) => writeChain(chain, families, rename))
  return [
    `  ${name}:`,
    ...only,
    ...(lines.length === 0 ? ['    chains: {}'] : ['    chains:']),
    ...lines,
  ]
}

function writeChain(
  chain: ImportedChain,
  all: readonly Family[],
  rename: (rule: Value) => Value,
): string[] {
  const body = [
    ...(chain.families.length < all.length ? [`        family: ${chain.families[0]}`] : []),
    ...writePolicies(chain.policies),
    ...(chain.rules.length === 0 ? [] : ['        rules:']),
    ...chain.rules.flatMap((rule) => dashed(escapeReferences(rename(rule)), 10)),
  ]
  const head = `      ${quoteIfNeeded(chain.name)}:`
  return body.length === 0 ? [`${head} {}`] : [head, ...body]
}

function writePolicies(policies: ImportedChain['policies']): string[] {
  const entries = Object.entries(policies)
  const [first] = entries
  if (first === undefined) return []
  if (entries.every(([, policy]) => policy === first[1])) return [`        policy: ${first[1]}`]
  const each = entries.map(([family, policy]) => `${family}: ${flow(textValue(policy))}`)
  return [`        policy: { ${each.join(', ')} }`]
}

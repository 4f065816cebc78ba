/** From the documents to a `Policy`: files merged, groups resolved, the rules still as written. */
import type { Diagnostic } from '../base/diagnostic.ts'
import { FAMILIES, type Family, TABLES, type TableName } from '../ruleset/model.ts'
import { resolveGroups } from './groups.ts'
import {
  DEFAULT_OWNERSHIP,
  FOREIGN_TOOLS,
  type ForeignPatterns,
  type ForeignTool,
  type HookPosition,
  type Ownership,
  type OwnershipMode,
  type Policy,
  type PolicyChain,
  type PolicyTable,
} from './policy.ts'
import { type Entry, entriesOf, get, itemsOf, stringOf, type Value } from './value.ts'

export interface BuildInput {
  readonly file: string
  /** The main document first. */
  readonly roots: readonly Value[]
  /** Of each document, the paths where it violates the schema: such rules are left out. */
  readonly invalidPaths: readonly (readonly (readonly string[])[])[]
}

export interface BuiltPolicy {
  readonly policy: Omit<Policy, 'valid' | 'sets'>
  readonly diagnostics: readonly Diagnostic[]
}

export function buildPolicy({ file, roots, invalidPaths }: BuildInput): BuiltPolicy {
  const [main] = roots
  const diagnostics: Diagnostic[] = []
  const { groups, diagnostics: groupFindings } = resolveGroups(roots)
  const families = itemsOf(get(main, 'families'))
    .map(familyOf)
    .filter((f) => f !== undefined)
  const name = stringOf(get(main, 'metadata', 'name'))
  const description = stringOf(get(main, 'metadata', 'description'))
  const labels = entriesOf(get(main, 'metadata', 'labels'))
  const tables = mergeTables(
    roots.flatMap((root, i) => readTables(root, invalidPaths[i] ?? [])),
    diagnostics,
  )
  return {
    policy: {
      file,
      ...(name !== undefined && { name }),
      ...(description !== undefined && { description }),
      labels: Object.fromEntries(labels.map((e) => [e.key, stringOf(e.value) ?? ''])),
      families: families.length > 0 ? FAMILIES.filter((f) => families.includes(f)) : FAMILIES,
      ownership: readOwnership(get(main, 'ownership')),
      groups,
      tables,
    },
    diagnostics: [...groupFindings, ...diagnostics],
  }
}

function familyOf(value: Value | undefined): Family | undefined {
  return FAMILIES.find((family) => family === stringOf(value))
}

function readOwnership(value: Value | undefined): Ownership {
  const mode = stringOf(get(value, 'mode')) as OwnershipMode | undefined
  const hook = stringOf(get(value, 'hook')) as HookPosition | undefined
  return {
    mode: mode ?? DEFAULT_OWNERSHIP.mode,
    hook: hook ?? DEFAULT_OWNERSHIP.hook,
    foreign: readForeign(value),
  }
}

function readForeign(ownership: Value | undefined): ForeignPatterns {
  const items = itemsOf(get(ownership, 'foreign'))
  const globs = (key: string): string[] => items.flatMap((item) => stringOf(get(item, key)) ?? [])
  return {
    presets: readPresets(get(ownership, 'presets')),
    chains: [...items.flatMap((item) => stringOf(item) ?? []), ...globs('chain')],
    comments: globs('comment'),
    interfaces: globs('interface'),
  }
}

function readPresets(value: Value | undefined): readonly ForeignTool[] {
  if (value?.kind === 'scalar' && value.value === false) return []
  if (value?.kind !== 'list') return FOREIGN_TOOLS
  const named = value.items.map(stringOf)
  return FOREIGN_TOOLS.filter((tool) => named.includes(tool))
}

function readTables(root: Value, invalid: readonly (readonly string[])[]): PolicyTable[] {
  const known = entriesOf(get(root, 'tables')).filter((e) => TABLES.includes(e.key as TableName))
  return known.map((entry) => {
    const family = familyOf(get(entry.value, 'family'))
    return {
      name: entry.key as TableName,
      at: entry.keyAt,
      ...(family && { family }),
      chains: entriesOf(get(entry.value, 'chains')).map((chain) =>
        readChain(chain, (index) =>
          invalid.some((path) =>
            ['tables', entry.key, 'chains', chain.key, 'rules', String(index)].every(
              (s, i) => path[i] === s,
            ),
          ),
        ),
      ),
    }
  })
}

function readChain(entry: Entry, isInvalid: (rule: number) => boolean): PolicyChain {
  const family = familyOf(get(entry.value, 'family'))
  const policy = get(entry.value, 'policy')
  return {
    name: entry.key,
    at: entry.keyAt,
    ...(family && { family }),
    policies: readPolicies(policy),
    ...(policy && { policyAt: policy.at }),
    rules: itemsOf(get(entry.value, 'rules')).filter((_, i) => !isInvalid(i)),
  }
}

function readPolicies(value: Value | undefined): PolicyChain['policies'] {
  const word = (part: Value | undefined): 'ACCEPT' | 'DROP' | undefined => {
    const text = stringOf(part)
    return text === 'ACCEPT' || text === 'DROP' ? text : undefined
  }
  const both = word(value)
  const ipv4 = both ?? word(get(value, 'ipv4'))
  const ipv6 = both ?? word(get(value, 'ipv6'))
  return { ...(ipv4 && { ipv4 }), ...(ipv6 && { ipv6 }) }
}

/** A chain is declared once: which file's rules come first would be guesswork otherwise. */
function mergeTables(tables: readonly PolicyTable[], diagnostics: Diagnostic[]): PolicyTable[] {
  const merged = new Map<TableName, PolicyTable>()
  for (const table of tables) {
    const known = merged.get(table.name)
    if (known === undefined) {
      merged.set(table.name, table)
      continue
    }
    if (known.family !== table.family) {
      const message = `table ${table.name} is for other families in ${known.at.file}:${known.at.line}`
      diagnostics.push({ code: 'duplicate-definition', severity: 'error', message, ...table.at })
    }
    const chains = [...known.chains]
    for (const chain of table.chains) {
      const first = chains.find((c) => c.name === chain.name)
      if (first === undefined) chains.push(chain)
      else {
        const { file, line, column } = first.at
        const message = `chain ${chain.name} is already declared at ${file}:${line}:${column}`
        const hint = 'declare a chain in one file; jump to further chains from there'
        diagnostics.push({ code: 'chain-duplicate', severity: 'error', message, hint, ...chain.at })
      }
    }
    merged.set(table.name, { ...known, chains })
  }
  return [...merged.values()]
}

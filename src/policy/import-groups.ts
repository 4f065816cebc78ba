/** Address lists that stand in several rules get a name. */
import { entry } from './import-options.ts'
import { type Entry, entryOf, type MapValue, type Value } from './value.ts'
import { flow, map, textValue } from './written.ts'

export interface NamedGroups {
  /** For `define.addresses`. */
  readonly groups: readonly Entry[]
  /** The rule with its lists replaced by their names. */
  readonly rename: (rule: Value) => Value
}

const ADDRESSES = ['source', 'destination']

export function nameGroups(rules: readonly Value[]): NamedGroups {
  const counts = new Map<string, { readonly value: Value; count: number }>()
  for (const { value } of rules.flatMap(addressLists)) {
    const key = flow(value)
    const known = counts.get(key)
    if (known === undefined) counts.set(key, { value, count: 1 })
    else known.count++
  }
  const repeated = [...counts].filter(([, { count }]) => count > 1)
  const names = new Map(repeated.map(([key], i) => [key, `addresses-${i + 1}`]))
  return {
    groups: repeated.map(([key, { value }]) => entry(names.get(key) as string, value)),
    rename: (rule) => (rule.kind === 'map' ? renameIn(rule, names) : rule),
  }
}

function addressLists(rule: Value): Entry[] {
  return ADDRESSES.flatMap((key) => {
    const found = entryOf(rule, key)
    return found?.value.kind === 'list' ? [found] : []
  })
}

function renameIn(rule: MapValue, names: ReadonlyMap<string, string>): MapValue {
  return map(
    rule.entries.map((e) => {
      const isList = ADDRESSES.includes(e.key) && e.value.kind === 'list'
      const name = isList ? names.get(flow(e.value)) : undefined
      return name === undefined ? e : entry(e.key, textValue(name))
    }),
  )
}

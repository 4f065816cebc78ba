/** Which rules use which sets. */
import type { Rule, Ruleset } from '../ruleset/model.ts'
import { outlineOf } from '../ruleset/outline.ts'

/** A place in a rule where a set is named. */
export interface SetReference {
  readonly name: string
  /** `src,dst`: one word for each dimension. */
  readonly flags: string
  /** The rule adds entries or takes them away, instead of looking them up. */
  readonly writes: boolean
}

/** Of the `set` match and the `SET` target, and whether it writes. */
const OPTIONS: ReadonlyMap<string, boolean> = new Map([
  ['match-set', false],
  ['map-set', false],
  ['add-set', true],
  ['del-set', true],
])

export function setReferences(rule: Rule): readonly SetReference[] {
  // A rule of a dump is only read when its spec is asked for; most have nothing to do with sets.
  if (!rule.text.includes('-set ')) return []
  const { matches, target } = outlineOf(rule)
  const options = [...matches.flatMap((match) => match.options), ...(target?.options ?? [])]
  return options.flatMap(({ name: option, values }) => {
    const writes = OPTIONS.get(option)
    const [name, flags = ''] = values
    return writes === undefined || name === undefined ? [] : [{ name, flags, writes }]
  })
}

/** How often the rules use each set. The kernel counts the same way: once for each option. */
export function countReferences(rulesets: Iterable<Ruleset>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const ruleset of rulesets) {
    for (const rule of rulesOf(ruleset)) {
      for (const { name } of setReferences(rule)) counts.set(name, (counts.get(name) ?? 0) + 1)
    }
  }
  return counts
}

export function rulesOf(ruleset: Ruleset): readonly Rule[] {
  return ruleset.tables.flatMap((table) => table.chains.flatMap((chain) => chain.rules))
}

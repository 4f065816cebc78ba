/** The rules of a chain of both families in one list: runs become lists, equal rules one rule. */
import { diffArrays } from 'diff'
import type { Family, Rule } from '../ruleset/model.ts'
import { entry, type ImportContext } from './import-options.ts'
import { compileWritten, importRule } from './import-rule.ts'
import { entryOf, type MapValue, type Value } from './value.ts'
import { list, map, textValue } from './written.ts'

export type Contexts = Readonly<Partial<Record<Family, ImportContext>>>
export type RulesOf = Readonly<Partial<Record<Family, readonly Rule[]>>>

/** Aligning chains that differ more than this is not worth the time. */
const MAX_DIFFERENCES = 4000

/** What `rules:` of the chain holds. With one family nothing says which. */
export function importRules(rules: RulesOf, contexts: Contexts): Value[] {
  const { ipv4, ipv6 } = rules
  const write = (family: Family, given: readonly Rule[]): Value[] => {
    const context = contexts[family]
    return context === undefined ? [] : mergeRuns(given.map((rule) => importRule(rule, context)))
  }
  if (ipv4 === undefined || ipv6 === undefined) {
    const family = ipv4 === undefined ? 'ipv6' : 'ipv4'
    return write(family, rules[family] ?? [])
  }
  return align(write('ipv4', ipv4), write('ipv6', ipv6), contexts)
}

/** Innermost first, so that what was a product of lists is one again. */
const LIST_KEYS = ['protocol', 'out-interface', 'in-interface', 'destination', 'source']

function mergeRuns(rules: readonly Value[]): Value[] {
  let merged = [...rules]
  for (const key of LIST_KEYS) {
    const next: Value[] = []
    for (const rule of merged) {
      const joined = joinOver(next.at(-1), rule, key)
      if (joined === undefined) next.push(rule)
      else next[next.length - 1] = joined
    }
    merged = next
  }
  return merged
}

/** Both rules as one, if they only differ in `key` and that can be a list. */
function joinOver(a: Value | undefined, b: Value, key: string): MapValue | undefined {
  if (a?.kind !== 'map' || b.kind !== 'map') return undefined
  const [left, right] = [listOf(a, key), listOf(b, key)]
  if (left === undefined || right === undefined || shape(a, [key]) !== shape(b, [key]))
    return undefined
  const values = [...left, ...right]
  const isDistinct = new Set(values.map((v) => JSON.stringify(v))).size === values.length
  return isDistinct ? withValue(a, key, list(values)) : undefined
}

/** The values of a criterion that is not negated. */
function listOf(rule: MapValue, key: string): readonly Value[] | undefined {
  const value = entryOf(rule, key)?.value
  if (value === undefined) return undefined
  if (value.kind === 'list') return value.items
  return value.kind === 'scalar' && !value.text.startsWith('!') ? [value] : undefined
}

function withValue(rule: MapValue, key: string, value: Value): MapValue {
  return map(rule.entries.map((e) => (e.key === key ? entry(key, value) : e)))
}

/** Two rules of one shape only differ in the values of `open` keys. */
function shape(rule: Value, open: readonly string[]): string {
  if (rule.kind !== 'map') return JSON.stringify(rule)
  return JSON.stringify(
    rule.entries.map((e) => [e.key, open.includes(e.key) && listOf(rule, e.key) ? '*' : e.value]),
  )
}

const ADDRESSES = ['source', 'destination']

function align(ipv4: readonly Value[], ipv6: readonly Value[], contexts: Contexts): Value[] {
  const shapes = (rules: readonly Value[]): string[] => rules.map((rule) => shape(rule, ADDRESSES))
  const parts = diffArrays(shapes(ipv4), shapes(ipv6), { maxEditLength: MAX_DIFFERENCES })
  if (parts === undefined) return [...narrow(ipv4, 'ipv4'), ...narrow(ipv6, 'ipv6')]
  const result: Value[] = []
  let [at4, at6] = [0, 0]
  for (const { added, removed, count = 0 } of parts) {
    for (let i = 0; i < count; i++) {
      if (removed) result.push(...narrow(ipv4.slice(at4, ++at4), 'ipv4'))
      else if (added) result.push(...narrow(ipv6.slice(at6, ++at6), 'ipv6'))
      else result.push(...joinFamilies(ipv4[at4++] as Value, ipv6[at6++] as Value, contexts))
    }
  }
  return result
}

/** One rule for both families, if each family makes of it what it was made from. */
function joinFamilies(four: Value, six: Value, contexts: Contexts): Value[] {
  const joined = four.kind === 'map' && six.kind === 'map' ? joinAddresses(four, six) : four
  const isSame = (family: Family, own: Value): boolean => {
    const context = contexts[family]
    if (context === undefined) return false
    const keys = (value: Value): string =>
      JSON.stringify(compileWritten(value, context)[family]?.map((rule) => rule.key))
    return keys(joined) === keys(own)
  }
  if (isSame('ipv4', four) && isSame('ipv6', six)) return [joined]
  return [...narrow([four], 'ipv4'), ...narrow([six], 'ipv6')]
}

function joinAddresses(four: MapValue, six: MapValue): MapValue {
  return ADDRESSES.reduce((rule, key) => {
    const [own, other] = [listOf(four, key), listOf(six, key)]
    if (own === undefined || other === undefined) return rule
    return withValue(rule, key, list([...own, ...other]))
  }, four)
}

/** Says which family a rule is for: `family:` after the name, `-4` or `-6` in a text. */
function narrow(rules: readonly Value[], family: Family): Value[] {
  return rules.map((rule) => {
    if (rule.kind === 'scalar')
      return textValue(`${family === 'ipv4' ? '-4' : '-6'} ${rule.text}`.trim())
    if (rule.kind !== 'map') return rule
    const named = rule.entries[0]?.key === 'name' ? 1 : 0
    const only = entry('family', textValue(family))
    return map([...rule.entries.slice(0, named), only, ...rule.entries.slice(named)])
  })
}

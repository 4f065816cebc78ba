/**
 * A compiled policy as text, and back. Back from it, a rule is its text alone until somebody asks for
 * more: what it means is read from the text, as a rule of a dump is, and where it comes from is looked
 * up. A plan without changes asks for neither.
 */
import type { Names } from '../extensions/names.ts'
import type { SetGoal } from '../ipset/set.ts'
import { newPieceCache } from '../iptables/piece-cache.ts'
import type { Chain, Dialect, Family, Origin, Rule, Ruleset, TableName } from '../ruleset/model.ts'
import type { CompiledPolicy } from './compile.ts'
import { CompiledRule } from './compiled-rule.ts'

export interface CompiledText {
  /** Plain data, for JSON. */
  readonly head: CompiledHead
  /** The texts of all rules, family by family, in the order of `head`; a line each. */
  readonly rules: string
  /** Where they come from: the origin of each as JSON, a line each. */
  readonly origins: string
}

interface CompiledHead extends Omit<CompiledPolicy, 'desired'> {
  readonly rulesets: readonly RulesetHead[]
  /** No rule expires. */
  readonly isLasting: boolean
}

interface RulesetHead {
  readonly family: Family
  readonly tables: readonly { readonly name: TableName; readonly chains: readonly ChainHead[] }[]
}

type ChainHead = Omit<Chain, 'rules' | 'counters'> & { readonly count: number }

/** Undefined for what has no such text: it is compiled anew each time. */
export function compiledText(compiled: CompiledPolicy): CompiledText | undefined {
  const rules: Rule[] = []
  const rulesets = Object.values(compiled.desired).map(({ family, tables }) => ({
    family,
    tables: tables.map((table) => ({
      name: table.name,
      chains: table.chains.map((chain): ChainHead => {
        for (const rule of chain.rules) rules.push(rule)
        const { rules: own, counters: _, ...head } = chain
        return { ...head, count: own.length }
      }),
    })),
  }))
  if (!rules.every(isPlain) || compiled.sets.some(hasCounters)) return undefined
  const { desired: _, ...rest } = compiled
  return {
    head: {
      rulesets,
      isLasting: rules.every((rule) => rule.origin?.expires === undefined),
      ...rest,
    },
    rules: rules.map((rule) => rule.text).join('\n'),
    origins: rules.map((rule) => JSON.stringify(rule.origin)).join('\n'),
  }
}

function isPlain({ text, counters, origin }: Rule): boolean {
  return counters === undefined && origin !== undefined && !text.includes('\n')
}

function hasCounters({ set }: SetGoal): boolean {
  return set.entries.some((entry) => entry.packets !== undefined || entry.bytes !== undefined)
}

/** `origins` is only asked for when the place of a rule is. */
export function readCompiledText(
  text: Pick<CompiledText, 'head' | 'rules'> & { readonly origins: () => string },
  context: {
    readonly dialects: Readonly<Partial<Record<Family, Dialect>>>
    readonly names: Names
  },
): CompiledPolicy {
  const { rulesets, isLasting, ...head } = text.head
  const texts = text.rules.split('\n')
  const originOf = originReader(text.origins)
  let next = 0
  const desired = rulesets.map(({ family, tables }): Ruleset => {
    const dialect = context.dialects[family]
    if (dialect === undefined) throw new Error(`no dialect for the compiled ${family} rules`)
    const shared = { dialect, names: context.names, cache: newPieceCache(), originOf, isLasting }
    const readChain = ({ count, ...chain }: ChainHead): Chain => {
      const rules: Rule[] = []
      for (const end = next + count; next < end; next++) {
        rules.push(new CompiledRule(texts[next] as string, next, shared))
      }
      return { ...chain, rules }
    }
    return {
      family,
      tables: tables.map(({ name, chains }) => ({ name, chains: chains.map(readChain) })),
    }
  })
  return { ...head, desired: Object.fromEntries(desired.map((one) => [one.family, one])) }
}

/** One by one, thousands take five times as long as all at once. */
const FEW_ORIGINS = 100

function originReader(text: () => string): (index: number) => Origin {
  let lines: readonly string[] | undefined
  let origins: readonly Origin[] | undefined
  let asked = 0
  return (index) => {
    if (origins === undefined && asked++ < FEW_ORIGINS) {
      lines ??= text().split('\n')
      return JSON.parse(lines[index] as string) as Origin
    }
    // Of 50,000 the lines take as much memory as their text.
    lines = undefined
    origins ??= JSON.parse(`[${text().replaceAll('\n', ',')}]`) as readonly Origin[]
    return origins[index] as Origin
  }
}

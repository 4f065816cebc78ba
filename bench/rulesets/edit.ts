import { type BenchRule, type BenchRuleset, countRules } from './ruleset.ts'

/** A rule that is replaced by another one. */
export interface Edit {
  readonly chain: string
  /** From 1, as iptables counts. */
  readonly position: number
  readonly before: BenchRule
  readonly after: BenchRule
}

/** So many rules, evenly spread, get another source; rules that lead to other chains stay. */
export function editsOf(ruleset: BenchRuleset, count: number): readonly Edit[] {
  const candidates = ruleset.chains.flatMap(({ name, rules }) =>
    rules.flatMap((before, i) => {
      if (leads(before)) return []
      return [{ chain: name, position: i + 1, before, after: { ...before, source: newSource(i) } }]
    }),
  )
  const step = candidates.length / count
  if (step < 1) throw new Error(`${countRules(ruleset)} rules are too few for ${count} edits`)
  return Array.from({ length: count }, (_, i) => candidates[Math.floor((i + 0.5) * step)] as Edit)
}

function leads({ jump, orMark }: BenchRule): boolean {
  return orMark !== undefined || !(jump === undefined || VERDICTS.includes(jump))
}

const VERDICTS = ['ACCEPT', 'DROP', 'REJECT']

function newSource(index: number): string {
  return `198.18.${(index >> 8) & 255}.${index & 255}/32`
}

export function edited(ruleset: BenchRuleset, edits: readonly Edit[]): BenchRuleset {
  const places = new Map(edits.map((edit) => [`${edit.chain} ${edit.position}`, edit.after]))
  return {
    ...ruleset,
    chains: ruleset.chains.map((chain) => ({
      ...chain,
      rules: chain.rules.map((rule, i) => places.get(`${chain.name} ${i + 1}`) ?? rule),
    })),
  }
}

/** From what `edited` makes back to what it was made of. */
export function reversed(edits: readonly Edit[]): readonly Edit[] {
  return edits.map((edit) => ({ ...edit, before: edit.after, after: edit.before }))
}

/**
 * What the rules of one form come to, with gaps where their particulars go.
 *
 * A pattern is made of two rules that were compiled in full. The text of the first is taken apart where
 * its particulars stand in it; filled with those of the second, what is left has to be the text of the
 * second, and so has what is said of its origin and target. A form of which any rule has something
 * reported gets no pattern, since that has to be said of each rule, at its place. What comes of patterns
 * is compared with what comes of rules that were compiled one by one in test/policy/folded.test.ts.
 */
import { newPieceCache, type PieceCache } from '../iptables/piece-cache.ts'
import type { Family, Origin, Rule, RuleSpec } from '../ruleset/model.ts'
import { outlineOf } from '../ruleset/outline.ts'
import { FilledRule, type FilledRuleContext } from './filled-rule.ts'
import { countingFindings } from './findings.ts'
import type { Folded, Particular, RuleForm } from './folded-rule.ts'
import { savedParticular } from './particular.ts'
import type { CompiledRule, RuleContext } from './rule-context.ts'

/** Compiles rules that are folded. */
export type CompileFolded<R extends Folded> = (rule: R, context: RuleContext) => CompiledRule

/** What is known of a form: nothing, a first rule, a pattern, or that it gets none. */
type Known = Example | Pattern | 'none'

interface Example {
  readonly rule: Folded
  readonly compiled: CompiledRule
}

type Pattern = readonly (readonly [Family, readonly PatternRule[]])[]

interface PatternRule {
  /** What stands before each particular, and behind the last. */
  readonly pieces: readonly string[]
  /** Which particulars stand between them. */
  readonly gaps: readonly number[]
  readonly outline: RuleSpec
  /** Which particular is the chain that it leads to. */
  readonly chain: number
  readonly context: FilledRuleContext
}

/** The same as `compile`, which compiles each of them in full. For one compilation. */
export function startPatterns<R extends Folded>(compile: CompileFolded<R>): CompileFolded<R> {
  const byFamilies = new Map<string, Map<RuleForm, Known>>()
  const caches = { ipv4: newPieceCache(), ipv6: newPieceCache() }
  return (rule, context) => {
    const about = context.families.join()
    let forms = byFamilies.get(about)
    if (forms === undefined) {
      forms = new Map()
      byFamilies.set(about, forms)
    }
    const known = forms.get(rule.form)
    if (Array.isArray(known)) return fill(known as Pattern, rule)
    const findings = countingFindings(context.findings)
    const compiled = compile(rule, { ...context, findings })
    if (known === 'none') return compiled
    if (findings.count() > 0) forms.set(rule.form, 'none')
    else {
      const example = { rule, compiled }
      forms.set(
        rule.form,
        patternOf(known as Example | undefined, example, { ...context, caches }) ?? example,
      )
    }
    return compiled
  }
}

function fill(pattern: Pattern, rule: Folded): CompiledRule {
  const compiled: Partial<Record<Family, readonly Rule[]>> = {}
  for (const [family, rules] of pattern) {
    compiled[family] = rules.map(
      (one) =>
        new FilledRule(
          { text: fillText(one, rule.particulars), outline: filledOutline(one, rule), rule },
          one.context,
        ),
    )
  }
  return compiled
}

function fillText(
  { pieces, gaps }: Pick<PatternRule, 'pieces' | 'gaps'>,
  particulars: readonly string[],
): string {
  const parts = [pieces[0] as string]
  for (const [i, gap] of gaps.entries())
    parts.push(particulars[gap] as string, pieces[i + 1] as string)
  // Joined, since thousands of texts are held, each in one piece.
  return parts.join('')
}

function filledOutline({ outline, chain }: PatternRule, { particulars }: Folded): RuleSpec {
  const name = particulars[chain]
  if (name === undefined || outline.target === undefined) return outline
  return { ...outline, target: { ...outline.target, name } }
}

interface PatternContext extends RuleContext {
  readonly caches: Readonly<Record<Family, PieceCache>>
}

/** Undefined where two rules of the form are not enough to be certain of a third. */
function patternOf(
  first: Example | undefined,
  second: Example,
  context: PatternContext,
): Pattern | undefined {
  if (first === undefined) return undefined
  const pattern: [Family, readonly PatternRule[]][] = []
  for (const [family, rules] of Object.entries(first.compiled) as [Family, readonly Rule[]][]) {
    const made = rules.flatMap((rule) => patternRule(rule, first.rule, family, context) ?? [])
    if (made.length < rules.length) return undefined
    pattern.push([family, made])
  }
  const isSame = pattern.length > 0 && saySame(fill(pattern, second.rule), second.compiled)
  return isSame ? pattern : undefined
}

/** Whether rules that were filled are those that were compiled. */
function saySame(filled: CompiledRule, compiled: CompiledRule): boolean {
  const told = (rules: CompiledRule): string =>
    JSON.stringify(
      Object.entries(rules).map(([family, all]) => [
        family,
        all.map((rule) => [rule.text, rule.origin, outlineOf(rule).target?.name]),
      ]),
    )
  return told(filled) === told(compiled)
}

function patternRule(
  { text, spec, origin }: Rule,
  rule: Folded,
  family: Family,
  { dialects, names, caches }: PatternContext,
): PatternRule | undefined {
  const dialect = dialects[family]
  const kinds = rule.form.particulars ?? []
  const parts = takeApart(text, rule.particulars, kinds)
  if (dialect === undefined || parts === undefined || origin === undefined) return undefined
  const context = {
    dialect,
    names,
    cache: caches[family],
    originOf: origins(origin, rule.particulars, kinds),
  }
  return {
    ...parts,
    outline: spec,
    chain: kinds.findIndex(({ kind }) => kind === 'chain'),
    context,
  }
}

/** Undefined where a particular does not stand in the text exactly once. */
function takeApart(
  text: string,
  particulars: readonly string[],
  kinds: readonly Particular[],
): Pick<PatternRule, 'pieces' | 'gaps'> | undefined {
  const found: { readonly gap: number; readonly start: number; readonly end: number }[] = []
  for (const [gap, { path, kind }] of kinds.entries()) {
    const particular = particulars[gap] as string
    const saved = savedParticular(path, kind, particular)
    if (saved === undefined) continue
    const at = text.indexOf(saved)
    if (at < 0 || text.indexOf(saved, at + 1) >= 0) return undefined
    const start = at + saved.lastIndexOf(particular)
    found.push({ gap, start, end: start + particular.length })
  }
  found.sort((a, b) => a.start - b.start)
  const pieces: string[] = []
  let from = 0
  for (const { start, end } of found) {
    pieces.push(text.slice(from, start))
    from = end
  }
  pieces.push(text.slice(from))
  return { pieces, gaps: found.map(({ gap }) => gap) }
}

/** What is said of a rule beside its meaning, in the order of an `Origin`. */
const SAID = ['name', 'owner', 'ticket'] as const

function origins(
  example: Origin,
  particulars: readonly string[],
  kinds: readonly Particular[],
): (rule: Folded) => Origin {
  const said = SAID.flatMap((key) => {
    const text = example[key]
    // Of two comments the first is the name, and that may belong to the form.
    const own = kinds.findIndex(({ path }, i) => path === key && particulars[i] === text)
    return text === undefined ? [] : [{ key, own, text }]
  })
  return ({ at, particulars }) => {
    const origin: { -readonly [K in keyof Origin]: Origin[K] } = { ...at }
    for (const { key, own, text } of said) origin[key] = particulars[own] ?? text
    return origin
  }
}

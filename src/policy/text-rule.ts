/** Compiles a rule written as a text, with what iptables takes after `-A CHAIN`. */
import type { Position } from '../base/diagnostic.ts'
import { EXTENSIONS, findMatch, findTarget } from '../extensions/catalogue.ts'
import { type ParsedRule, parseRule } from '../iptables/parse-rule.ts'
import { makeRule } from '../iptables/rule.ts'
import { tokenise } from '../iptables/tokenise.ts'
import type { Family, Origin, RuleSpec } from '../ruleset/model.ts'
import { didYouMean } from './nearest.ts'
import { protocolFamilies } from './operand.ts'
import type { CompiledRule, RuleContext } from './rule-context.ts'
import { reportProblems } from './rule-problems.ts'
import type { ScalarValue } from './value.ts'

export function compileText(rule: ScalarValue, context: RuleContext): CompiledRule {
  const { findings, names, dialects } = context
  const { words, starts, unterminated } = tokenise(rule.text)
  if (unterminated) {
    findings.error('rule-syntax', rule.at, 'a double quote is not closed')
    return {}
  }
  const single = starts.findIndex((start) => rule.text[start] === "'")
  if (single >= 0) {
    const hint = 'write double quotes: iptables would take the single ones for a part of the value'
    const at = wordPosition(rule, starts[single] ?? 0)
    findings.error('rule-syntax', at, 'a value in single quotes', hint)
    return {}
  }
  if (/^(-[AIDRC]|--(append|insert|delete|replace|check)|ip6?tables)$/.test(words[0] ?? '')) {
    const hint = 'begin with what comes after "-A CHAIN"'
    findings.error('rule-syntax', rule.at, 'a rule is written without its command and chain', hint)
    return {}
  }
  const readings = readFamilies(words, context)
  const positionOf = (word: number): Position => wordPosition(rule, starts[word] ?? 0)
  if (readings.length === 0) {
    findings.error(
      'family-mismatch',
      rule.at,
      'the rule is for a family that the chain does not have',
    )
  }
  const good = readings.filter(({ parsed }) => isFine(parsed))
  const own = readings.filter((reading) => !isOtherFamily(reading))
  const kept = own.length > 0 ? own : readings
  for (const { family, parsed } of kept) {
    reportProblems(withFamilyHint(parsed, family, good), positionOf, findings)
    reportUnknown(parsed.specs[0], rule.at, context)
  }
  const targetAt = positionOf(targetWord(words))
  return Object.fromEntries(
    kept.map(({ family, parsed }) => {
      const dialect = dialects[family]
      const rules = parsed.specs.flatMap((spec) => {
        if (dialect === undefined) return []
        const made = makeRule(spec, { dialect, names, origin: originOf(rule, spec) })
        context.targetAt.set(made, targetAt)
        return made
      })
      return [family, rules]
    }),
  )
}

/** Where the target of a rule is written. */
export function targetPosition(rule: ScalarValue): Position {
  const { words, starts } = tokenise(rule.text)
  return wordPosition(rule, starts[targetWord(words)] ?? 0)
}

function targetWord(words: readonly string[]): number {
  return words.findIndex((word) => /^(-[jg]|--(jump|goto))$/.test(word)) + 1
}

interface Reading {
  readonly family: Family
  readonly parsed: ParsedRule
}

/** The rule as each family reads it; `-4`, `-6` and the protocol narrow. */
function readFamilies(words: readonly string[], context: RuleContext): Reading[] {
  const { dialects, names } = context
  const explicit = context.families.filter((f) => words.includes(f === 'ipv4' ? '-6' : '-4'))
  const isExplicit = ['-4', '-6', '--ipv4', '--ipv6'].some((word) => words.includes(word))
  return context.families.flatMap((family) => {
    const dialect = dialects[family]
    if (dialect === undefined || explicit.includes(family)) return []
    if (!isExplicit && !protocolOf(words).includes(family)) return []
    const parsed = parseRule(words, { dialect, names })
    return parsed.onlyFamily === undefined || parsed.onlyFamily === family
      ? [{ family, parsed }]
      : []
  })
}

function protocolOf(words: readonly string[]): readonly Family[] {
  const at = words.findIndex((word) => /^(-p|--proto(col)?)$/.test(word))
  if (at < 0 || words[at - 1] === '!') return ['ipv4', 'ipv6']
  return protocolFamilies(words[at + 1] ?? '')
}

function isFine({ problems, cautions }: ParsedRule): boolean {
  return problems.length === 0 && cautions.length === 0
}

/** The rule only makes sense in the other family: an address, a match or a target says so. */
function isOtherFamily({ family, parsed }: Reading): boolean {
  const other = family === 'ipv4' ? 'ipv6' : 'ipv4'
  if (parsed.problems.some((p) => p.code === 'family-mismatch' || p.code === 'wrong-family'))
    return true
  const spec = parsed.specs[0]
  if (spec === undefined) return false
  const target = spec.target
  return (
    spec.matches.some((m) => m.opaque !== undefined && findMatch(m.module, other) !== undefined) ||
    (target?.verb === 'jump' &&
      findTarget(target.name, family) === undefined &&
      findTarget(target.name, other) !== undefined)
  )
}

function withFamilyHint(parsed: ParsedRule, family: Family, good: readonly Reading[]): ParsedRule {
  const other = good.find((reading) => reading.family !== family)
  if (other === undefined) return parsed
  const narrower = `begin the rule with ${other.family === 'ipv4' ? '-4' : '-6'}`
  const problems = parsed.problems.map((p) => ({
    ...p,
    hint: p.hint === undefined ? narrower : `${p.hint}; or ${narrower}`,
  }))
  return { ...parsed, problems }
}

/** Extensions of others (xtables-addons, old kernels) that are no misspelt ones of iptables. */
const LOOKALIKES: ReadonlySet<string> = new Set([
  ...['length2', 'quota2', 'dhcpmac', 'iface', 'ipv4options', 'layer7', 'unclean', 'random'],
  ...['DHCPMAC', 'DNETMAP', 'ECHO', 'IPMARK', 'IPV4OPTSSTRIP', 'LOGMARK', 'SAME', 'ULOG'],
])

/** What the catalogue does not know is passed on word for word, unless it is a misspelt name. */
function reportUnknown(spec: RuleSpec | undefined, at: Position, { findings }: RuleContext): void {
  const report = (kind: 'match' | 'target', name: string): void => {
    const known = EXTENSIONS.filter((e) => e.kind === kind).map((e) => e.name)
    const hint = didYouMean(name, known)
    if (!/^[\w.-]+$/.test(name)) {
      findings.error('unknown-extension', at, `"${name}" is no name of a ${kind}`, hint)
      return
    }
    if (hint !== undefined && !LOOKALIKES.has(name)) {
      findings.error('unknown-extension', at, `unknown ${kind} "${name}"`, hint)
      return
    }
    const message = `fwctl does not know the ${kind} "${name}": its options are passed on as they are`
    findings.add('warning', { code: 'unknown-extension', at, message })
  }
  for (const match of spec?.matches ?? []) if (match.opaque) report('match', match.module)
  if (spec?.target?.opaque) report('target', spec.target.name)
}

function originOf(rule: ScalarValue, spec: RuleSpec): Origin {
  const comment = spec.matches.find((match) => match.module === 'comment')?.options[0]?.values[0]
  return { ...rule.at, ...(comment !== undefined && { name: comment }) }
}

function wordPosition(rule: ScalarValue, offset: number): Position {
  return rule.textAt ? { ...rule.textAt, column: rule.textAt.column + offset } : rule.at
}

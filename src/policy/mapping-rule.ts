/** Compiles a rule written as a mapping. */
import { parseRule } from '../iptables/parse-rule.ts'
import { makeRule } from '../iptables/rule.ts'
import type { Family, Origin, Rule } from '../ruleset/model.ts'
import { isExpired, sameUntil } from './expiry.ts'
import { errorsOf, type Findings, startFindings } from './findings.ts'
import type { Operand, OperandMember } from './operand.ts'
import type { CompiledRule, RuleContext } from './rule-context.ts'
import { ruleFamilies } from './rule-families.ts'
import { checkKeys, type MatchPart, type RuleParts, readParts } from './rule-parts.ts'
import { reportProblems } from './rule-problems.ts'
import { type Choice, ruleWords } from './rule-words.ts'
import type { MapValue } from './value.ts'

/** More rules out of one entry are a mistake, or work for a set. */
const MAX_RULES = 10_000

export function compileMapping(rule: MapValue, context: RuleContext): CompiledRule {
  if (!checkKeys(rule, context.findings)) return {}
  const parts = readParts(rule, context)
  if (!checkNegatedLists(parts, context.families, context.findings)) return {}
  if (parts.enabled && parts.expiry && context.now) {
    context.deadlines?.push(sameUntil(parts.expiry, context.now))
  }
  const isOff = !parts.enabled || isExpired(parts.expiry, context.now, context.findings)
  // A rule that is nowhere is left out of no family; what is wrong with it is said all the same.
  const findings = isOff ? errorsOf(context.findings) : context.findings
  const families = ruleFamilies(parts, context.families, findings)
  const attempts = families.map((family) => compileFor(family, parts, context))
  // What is wrong in one family only can be mended by saying which family is meant.
  const good = attempts.find((attempt) => attempt.errors.list().length === 0)
  for (const { errors } of attempts) {
    for (const { code, message, hint, file, line, column } of errors.list()) {
      const narrower =
        good && parts.family === undefined ? `add "family: ${good.family}"` : undefined
      const hints = [hint, narrower].filter((h) => h !== undefined).join('; or ')
      const at = { file: file ?? parts.at.file, line: line ?? 1, column: column ?? 1 }
      context.findings.error(code, at, message, hints === '' ? undefined : hints)
    }
  }
  if (isOff) return {}
  return Object.fromEntries(attempts.map(({ family, rules }) => [family, rules]))
}

interface Attempt {
  readonly family: Family
  readonly rules: readonly Rule[]
  readonly errors: Findings
}

function compileFor(family: Family, parts: RuleParts, context: RuleContext): Attempt {
  const errors = startFindings()
  const dialect = context.dialects[family]
  const choices = expand(parts, family)
  if (choices.length > MAX_RULES) {
    const hint = 'use a set, or fewer lists'
    errors.error('invalid-value', parts.at, `the rule expands to ${choices.length} rules`, hint)
  }
  if (dialect === undefined || choices.length > MAX_RULES) return { family, rules: [], errors }
  const origin = originOf(parts)
  const rules = choices.flatMap((choice) => {
    const words = ruleWords(parts, choice, { ...context, family, findings: errors })
    if (errors.list().length > 0) return []
    const { names } = context
    const parsed = parseRule(
      words.map((word) => word.text),
      { dialect, names },
    )
    reportProblems(parsed, (index) => words[index]?.at ?? parts.at, errors)
    return parsed.specs.map((spec) => {
      const rule = makeRule(spec, { dialect, names, origin })
      if (parts.target) context.targetAt.set(rule, parts.target.at)
      return rule
    })
  })
  return { family, rules, errors }
}

function originOf({ at, name, owner, ticket, expiry }: RuleParts): Origin {
  return {
    ...at,
    ...(name !== undefined && { name }),
    ...(owner !== undefined && { owner }),
    ...(ticket !== undefined && { ticket }),
    ...(expiry !== undefined && { expires: expiry.text }),
  }
}

/** iptables' own order: sources outermost, then destinations; one rule for each combination. */
function expand(parts: RuleParts, family: Family): Choice[] {
  let choices: Choice[] = [{ chunks: new Map() }]
  const add = (key: keyof Omit<Choice, 'chunks'>, operand: Operand | undefined): void => {
    if (operand === undefined) return
    const members = membersFor(operand, family, parts.family !== undefined)
    choices = choices.flatMap((choice) => members.map((member) => ({ ...choice, [key]: member })))
  }
  add('source', parts.source)
  add('destination', parts.destination)
  add('inInterface', parts.inInterface)
  add('outInterface', parts.outInterface)
  add('protocol', parts.protocol)
  for (const part of parts.matches) {
    if (part.kind === 'multiport' && !part.negated)
      choices = choices.flatMap((c) => withChunks(c, part))
  }
  return choices
}

function withChunks(choice: Choice, part: MatchPart & { readonly kind: 'multiport' }): Choice[] {
  return part.chunks.map((chunk) => ({
    ...choice,
    chunks: new Map([...choice.chunks, [part, chunk]]),
  }))
}

/** With `family:` given, a protocol of the other family is taken at its word. */
function membersFor(operand: Operand, family: Family, explicit: boolean): readonly OperandMember[] {
  const members = operand.members.filter((member) => member.families.includes(family))
  return members.length === 0 && explicit ? operand.members : members
}

/** Negated, a list would have to be one rule: separate ones would match everything together. */
function checkNegatedLists(
  parts: RuleParts,
  families: readonly Family[],
  findings: Findings,
): boolean {
  const operands = [
    parts.source,
    parts.destination,
    parts.inInterface,
    parts.outInterface,
    parts.protocol,
  ].filter((operand) => operand?.negated)
  let ok = true
  for (const operand of operands) {
    if (operand === undefined) continue
    const isList = families.some(
      (f) => operand.members.filter((m) => m.families.includes(f)).length > 1,
    )
    if (!isList) continue
    const hint = 'accept the members in rules before this one, or match a set'
    findings.error(
      'list-not-negatable',
      operand.at,
      'several values can not be negated in one rule',
      hint,
    )
    ok = false
  }
  return ok
}

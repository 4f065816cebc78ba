/** A live rule as a mapping, or as text where no mapping compiles back to the same rule. */
import { findMatch, findTarget, implicitMatch } from '../extensions/catalogue.ts'
import { OWN_PROTOCOL_NAMES } from '../extensions/values/protocol.ts'
import type { Criterion, Match, Rule, Target } from '../ruleset/model.ts'
import { hasControlCharacter } from './control-characters.ts'
import { startFindings } from './findings.ts'
import { entry, type ImportContext, optionEntries, scalarOf } from './import-options.ts'
import { compileMapping } from './mapping-rule.ts'
import type { CompiledRule, RuleContext } from './rule-context.ts'
import { SHORTHANDS } from './rule-parts.ts'
import { compileText } from './text-rule.ts'
import type { Entry, MapValue, ScalarValue, Value } from './value.ts'
import { list, map, scalar, textValue } from './written.ts'

/** The simplest way to write the rule that compiles to a rule with the same key. */
export function importRule(rule: Rule, context: ImportContext): MapValue | ScalarValue {
  const text = textValue(rule.text)
  const mapping = mappingOf(rule, context)
  if (mapping === undefined || !meansTheSame(mapping, rule, context)) return text
  return dropDefaults(mapping, (shorter) => meansTheSame(shorter, rule, context))
}

function meansTheSame(written: Value, rule: Rule, context: ImportContext): boolean {
  const compiled = compileWritten(written, context)[context.dialect.family]
  return compiled?.length === 1 && compiled[0]?.key === rule.key
}

/** What one written rule stands for; nothing when it has errors. */
export function compileWritten(written: Value, { dialect, names }: ImportContext): CompiledRule {
  const findings = startFindings()
  const { family } = dialect
  const context: RuleContext = {
    dialects: { [family]: dialect },
    families: [family],
    groups: { addresses: new Map(), ports: new Map(), interfaces: new Map() },
    names,
    findings,
    targetAt: new WeakMap(),
  }
  const compiled =
    written.kind === 'map'
      ? compileMapping(written, context)
      : written.kind === 'scalar'
        ? compileText(written, context)
        : {}
  return findings.list().some((d) => d.severity === 'error') ? {} : compiled
}

function mappingOf({ spec }: Rule, context: ImportContext): MapValue | undefined {
  const criterion = (key: string, given: Criterion | undefined): Entry[] =>
    given === undefined ? [] : [entry(key, criterionValue(given))]
  const matches = matchEntries(spec.matches, spec.protocol, context)
  const target = spec.target && targetEntry(spec.target, context)
  if (matches === undefined || (spec.target && target === undefined)) return undefined
  const [first] = matches
  const name = first?.key === 'name' ? [first] : []
  return map([
    ...name,
    ...criterion('source', spec.source),
    ...criterion('destination', spec.destination),
    ...criterion('in-interface', spec.inInterface),
    ...criterion('out-interface', spec.outInterface),
    ...criterion('protocol', spec.protocol && protocolName(spec.protocol, context)),
    ...(spec.fragment ? [entry('fragment', scalar(spec.fragment.negated ? '!' : true))] : []),
    ...matches.slice(name.length),
    ...(target ? [target] : []),
  ])
}

function criterionValue({ negated, value }: Criterion): Value {
  const short = value.replace(/^([0-9.]+)\/32$|^([0-9a-f:.]+)\/128$/, '$1$2')
  return negated ? textValue(`! ${short}`) : scalarOf(short)
}

function protocolName({ negated, value }: Criterion, { names }: ImportContext): Criterion {
  const friendly = value === '58' ? 'icmpv6' : OWN_PROTOCOL_NAMES[value]
  return { negated, value: friendly ?? names.protocolName(Number(value)) ?? value }
}

/** A match in both forms that it can be written in. */
interface Written {
  /** Keys of the rule itself. */
  readonly short?: readonly Entry[]
  /** An entry of `match:`. */
  readonly long: Entry
}

function matchEntries(
  matches: readonly Match[],
  protocol: Criterion | undefined,
  context: ImportContext,
): Entry[] | undefined {
  const used = new Set<string>()
  const written: Written[] = []
  for (const match of matches) {
    const one = writeMatch(match, protocol, context)
    if (one === undefined) return undefined
    const { short, long } = one
    const isFree = short?.every(({ key }) => !used.has(key))
    for (const { key } of isFree ? (short ?? []) : []) used.add(key)
    written.push(short && isFree ? { short, long } : { long })
  }
  return arrange(written)
}

/** `match:` is one key: what stands between the first and the last of its entries goes in, too. */
function arrange(written: readonly Written[]): Entry[] {
  const first = written.findIndex(({ short }) => short === undefined)
  const last = written.findLastIndex(({ short }) => short === undefined)
  const shorts = (part: readonly Written[]): Entry[] => part.flatMap(({ short }) => short ?? [])
  if (first < 0) return shorts(written)
  const inside = written.slice(first, last + 1).map(({ long }) => long)
  const isUnique = new Set(inside.map((e) => e.key)).size === inside.length
  const value = isUnique ? map(inside) : list(inside.map((e) => map([e])))
  return [
    ...shorts(written.slice(0, first)),
    entry('match', value),
    ...shorts(written.slice(last + 1)),
  ]
}

function writeMatch(
  match: Match,
  protocol: Criterion | undefined,
  context: ImportContext,
): Written | undefined {
  const { family } = context.dialect
  const extension = findMatch(match.module, family)
  if (extension === undefined || match.opaque !== undefined) return undefined
  const options = optionEntries(extension, match.options, context)
  const long = entry(match.module, map(options))
  const [only] = options
  const single = options.length === 1 ? only : undefined
  if (match.module === 'comment') {
    const text = single?.value.kind === 'scalar' ? single.value.text : ''
    if (text === '' || hasControlCharacter(text)) return { long }
    return { short: [entry('name', textValue(text))], long }
  }
  if (single !== undefined && SHORTHANDS[single.key] === match.module)
    return { short: [single], long }
  if (match.module === 'multiport' && single !== undefined) {
    const key = { dports: 'dport', sports: 'sport' }[single.key]
    const many = match.options[0]?.values[0]?.includes(',')
    return key !== undefined && many ? { short: [entry(key, single.value)], long } : { long }
  }
  const isImplicit =
    protocol !== undefined &&
    !protocol.negated &&
    implicitMatch(protocol.value, family)?.name === match.module
  return isImplicit && options.length > 0 ? { short: options, long } : { long }
}

function targetEntry(target: Target, context: ImportContext): Entry | undefined {
  const { verb, name, options, opaque } = target
  if (opaque !== undefined) return undefined
  if (options.length === 0) return entry(verb, textValue(name))
  const extension = findTarget(name, context.dialect.family)
  if (extension === undefined) return undefined
  return entry(verb, map([entry(name, map(optionEntries(extension, options, context)))]))
}

/** Leaves out options, one by one, as long as the rule stays the same: they were defaults. */
function dropDefaults(rule: MapValue, isSame: (shorter: MapValue) => boolean): MapValue {
  let best = rule
  for (const path of optionPaths(rule)) {
    const shorter = without(best, path) as MapValue
    if (isSame(shorter)) best = shorter
  }
  return best
}

/** The options below `match:` and `jump:`, as keys that lead to them. */
function optionPaths(rule: MapValue): (readonly string[])[] {
  return rule.entries.flatMap(({ key, value }) =>
    value.kind !== 'map' || (key !== 'match' && key !== 'jump')
      ? []
      : value.entries.flatMap((extension) =>
          extension.value.kind === 'map'
            ? extension.value.entries.map((option) => [key, extension.key, option.key])
            : [],
        ),
  )
}

/** Without the entry; a target without options is just its name. */
function without(value: Value, [key, ...rest]: readonly string[]): Value {
  if (value.kind !== 'map') return value
  if (rest.length === 0) return map(value.entries.filter((e) => e.key !== key))
  return map(
    value.entries.map((e) => {
      if (e.key !== key) return e
      const inner = without(e.value, rest)
      const [only] = inner.kind === 'map' ? inner.entries : []
      const isBare = key === 'jump' && only?.value.kind === 'map' && only.value.entries.length === 0
      return entry(e.key, isBare ? textValue(only.key) : inner)
    }),
  )
}

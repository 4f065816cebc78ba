/**
 * Reads the words of a rule, as typed by a person or as saved, into its normal form.
 *
 * It follows iptables: options come in any order, `!` negates the next option, `-m` loads a match,
 * a protocol's own match is loaded when one of its options is met, lists of addresses make several
 * rules. What the catalogue does not know is kept word for word as an opaque match or target.
 */
import { findMatch, findTarget, implicitMatch, type NamedOption } from '../extensions/catalogue.ts'
import {
  type Extension,
  isRefusal,
  type MatchExtension,
  type Refusal,
  refuse,
  type TargetExtension,
  type ValueContext,
} from '../extensions/extension.ts'
import type { Names } from '../extensions/names.ts'
import { VERDICTS } from '../ruleset/hooks.ts'
import type {
  Counters,
  Criterion,
  Dialect,
  Match,
  Option,
  RuleSpec,
  Target,
} from '../ruleset/model.ts'
import { parseCounters, parseInterface, parseNetworks, parseProtocol } from './criteria.ts'
import { finishOptions } from './finish-options.ts'
import { shareOption } from './merge-matches.ts'
import { type BaseOption, findOption } from './options.ts'

/** Something wrong with a rule. `word` is the index of the word it is about. */
export interface RuleProblem extends Refusal {
  readonly word: number
}

export interface ParsedRule {
  /**
   * Several when an address list expands (`-s a,b`); none when there are problems, or when `-4` or
   * `-6` say that the rule is not for this family.
   */
  readonly specs: readonly RuleSpec[]
  /** From `-c PACKETS BYTES`. */
  readonly counters?: Counters
  /** `-4` or `-6`: the rule is for one family only. */
  readonly onlyFamily?: 'ipv4' | 'ipv6'
  /** What iptables itself refuses. */
  readonly problems: readonly RuleProblem[]
  /**
   * What iptables takes, but with another meaning than its author can have had: it never matches,
   * is cut short or read as octal. A policy treats these as errors; a live rule keeps them.
   */
  readonly cautions: readonly RuleProblem[]
}

export interface RuleContext {
  readonly dialect: Dialect
  readonly names: Names
  /** Matches and targets to keep word for word although the catalogue has them. */
  readonly opaque?: ReadonlySet<string>
  /** The kernel has taken the rule: only its words are read, not whether it is acceptable. */
  readonly saved?: boolean
}

/** A match or target that the rule has loaded so far. */
interface Instance {
  readonly kind: 'match' | 'target'
  readonly name: string
  readonly extension: Extension | undefined
  /** The word that named it, for problems. */
  readonly word: number
  readonly options: Option[]
  /** The words of an unknown extension. */
  readonly opaque: string[]
}

/** The state of one reading: a cursor over the words and what was found so far. */
interface Reading {
  readonly words: readonly string[]
  readonly context: RuleContext
  at: number
  /** The word that is being read, for cautions. */
  word: number
  source: readonly Criterion[] | undefined
  destination: readonly Criterion[] | undefined
  inInterface: Criterion | undefined
  outInterface: Criterion | undefined
  protocol: Criterion | undefined
  fragment: Criterion | undefined
  counters: Counters | undefined
  onlyFamily: 'ipv4' | 'ipv6' | undefined
  verb: 'jump' | 'goto'
  target: Instance | undefined
  /** Matches in the order in which they were loaded. */
  readonly matches: Instance[]
  /** Everything loaded, the latest first: that is where an option is looked up. */
  readonly loaded: Instance[]
  readonly problems: RuleProblem[]
  readonly cautions: RuleProblem[]
  values: ValueContext | undefined
}

export function parseRule(words: readonly string[], context: RuleContext): ParsedRule {
  const reading = startReading(words, context)
  while (reading.at < words.length && reading.problems.length === 0) readOption(reading)
  if (reading.problems.length > 0) return result(reading, [])
  const matches = reading.matches.flatMap((instance) => finishMatch(reading, instance))
  const target = reading.target && finishTarget(reading, reading.target)
  if (reading.problems.length > 0) return result(reading, [])
  const { onlyFamily } = reading
  if (onlyFamily !== undefined && onlyFamily !== context.dialect.family) return result(reading, [])
  const specs = combine(reading, matches, target)
  if (!context.saved) checkExtensions(reading, specs[0] as RuleSpec)
  return result(reading, reading.problems.length > 0 ? [] : specs)
}

function startReading(words: readonly string[], context: RuleContext): Reading {
  return {
    words,
    context,
    at: 0,
    word: 0,
    source: undefined,
    destination: undefined,
    inInterface: undefined,
    outInterface: undefined,
    protocol: undefined,
    fragment: undefined,
    counters: undefined,
    onlyFamily: undefined,
    verb: 'jump',
    target: undefined,
    matches: [],
    loaded: [],
    problems: [],
    cautions: [],
    values: undefined,
  }
}

function result(reading: Reading, specs: readonly RuleSpec[]): ParsedRule {
  const { counters, onlyFamily, problems, cautions } = reading
  return {
    specs,
    ...(counters && { counters }),
    ...(onlyFamily && { onlyFamily }),
    problems,
    cautions,
  }
}

function problem(reading: Reading, word: number, refusal: Refusal): void {
  reading.problems.push({ ...refusal, word })
}

/** What value types see of the rule; what they caution about is the word at `word`. */
function valueContext(reading: Reading, word: number): ValueContext {
  reading.word = word
  reading.values ??= startValues(reading)
  return reading.values
}

function startValues(reading: Reading): ValueContext {
  const { dialect, names } = reading.context
  return {
    family: dialect.family,
    dialect,
    names,
    get protocol() {
      return reading.protocol?.negated === false ? reading.protocol.value : undefined
    },
    caution: (caution) => reading.cautions.push({ ...caution, word: reading.word }),
  }
}

/** Reads one option with its values, or one stray word. */
function readOption(reading: Reading): void {
  const start = reading.at
  const negated = reading.words[start] === '!'
  if (negated) reading.at++
  const word = reading.words[reading.at]
  if (word === undefined || !word.startsWith('-') || word === '-') return readStray(reading, start)
  const found = findOption(word, reading.loaded)
  if (found.kind !== 'base' && isUnknownMatch(reading.loaded[0])) return readOpaque(reading, start)
  switch (found.kind) {
    case 'base':
      reading.at++
      return readBase(reading, found, { negated, start })
    case 'extension':
      reading.at++
      return readExtensionOption(reading, found, { negated, start })
    case 'command':
      return problem(
        reading,
        start,
        refuse('rule-syntax', `${word} is a command, not part of a rule`),
      )
    case 'ambiguous':
      return problem(
        reading,
        start,
        refuse('unknown-option', `${word} is ambiguous`, `it may be ${found.names.join(' or ')}`),
      )
    case 'unknown':
      return readUnknown(reading, start, word)
  }
}

/** Whatever follows an unknown match, up to the next option of iptables itself, belongs to it. */
function isUnknownMatch(instance: Instance | undefined): boolean {
  return instance?.kind === 'match' && instance.extension === undefined
}

/** Keeps the words from `start` on for the unknown extension that was loaded last. */
function readOpaque(reading: Reading, start: number): void {
  reading.loaded[0]?.opaque.push(...reading.words.slice(start, reading.at + 1))
  reading.at++
}

/** A word that is no option: part of an unknown extension, or a mistake. */
function readStray(reading: Reading, start: number): void {
  const word = reading.words[reading.at]
  const [latest] = reading.loaded
  if (word !== undefined && latest !== undefined && latest.extension === undefined) {
    return readOpaque(reading, start)
  }
  if (word === undefined) {
    return problem(reading, start, refuse('rule-syntax', '"!" negates nothing'))
  }
  const refusal =
    word === '!'
      ? refuse('rule-syntax', '"!" is not a value', 'write the "!" before the option')
      : refuse('rule-syntax', `"${word}" is not an option`)
  problem(reading, reading.at, refusal)
}

/** An option that nothing loaded has: the protocol's match may have it, else an unknown extension. */
function readUnknown(reading: Reading, start: number, word: string): void {
  const { protocol, matches, context } = reading
  const entry =
    protocol && !protocol.negated
      ? implicitMatch(protocol.value, context.dialect.family)
      : undefined
  if (
    entry !== undefined &&
    !isOpaque(reading, entry.name) &&
    !matches.some((m) => m.extension === entry)
  ) {
    const candidate = load(reading, entry, { kind: 'match', name: entry.name, word: start })
    const found = findOption(word, [candidate])
    if (found.kind === 'extension') {
      matches.push(candidate)
      reading.loaded.unshift(candidate)
      reading.at = start
      return
    }
  }
  const [latest] = reading.loaded
  if (latest !== undefined && latest.extension === undefined) return readOpaque(reading, start)
  problem(reading, start, refuse('unknown-option', `unknown option ${word}`, optionHint(reading)))
}

function optionHint(reading: Reading): string {
  const names = reading.loaded.map((instance) => instance.name)
  return names.length === 0
    ? 'an option of a match needs "-m MATCH", or its protocol ("-p"), before it'
    : `neither iptables nor ${names.join(', ')} has it; load the match that does with "-m MATCH" before it`
}

function isOpaque(reading: Reading, name: string): boolean {
  return reading.context.opaque?.has(name) ?? false
}

function load(
  reading: Reading,
  entry: Extension | undefined,
  { kind, name, word }: Pick<Instance, 'kind' | 'name' | 'word'>,
): Instance {
  const known = entry !== undefined && !isOpaque(reading, entry.name)
  return {
    kind,
    name: known ? entry.name : name,
    extension: known ? entry : undefined,
    word,
    options: [],
    opaque: [],
  }
}

/** How an option was written: negated or not, and at which word. */
interface Written {
  readonly negated: boolean
  readonly start: number
}

/** The value of an option of iptables itself; undefined, with a problem, when there is none. */
function takeValue(
  reading: Reading,
  attached: string | undefined,
  option: string,
): string | undefined {
  const value = attached ?? reading.words[reading.at++]
  if (value === undefined) {
    problem(reading, reading.words.length - 1, refuse('rule-syntax', `--${option} needs a value`))
  } else if (value === '!') {
    problem(
      reading,
      reading.at - 1,
      refuse('rule-syntax', '"!" is not a value', 'write the "!" before the option'),
    )
    return undefined
  }
  return value
}

/** A rule has one of each at most. */
function isGiven(reading: Reading, option: BaseOption): boolean {
  switch (option) {
    case 'source':
    case 'destination':
    case 'protocol':
      return reading[option] !== undefined
    case 'in-interface':
      return reading.inInterface !== undefined
    case 'out-interface':
      return reading.outInterface !== undefined
    case 'fragments':
      return reading.fragment !== undefined
    case 'set-counters':
      return reading.counters !== undefined
    case 'jump':
    case 'goto':
      return reading.target !== undefined
    default:
      return false
  }
}

const NOT_NEGATABLE: readonly BaseOption[] = [
  'match',
  'jump',
  'goto',
  'set-counters',
  'ipv4',
  'ipv6',
]

function readBase(
  reading: Reading,
  { option, attached }: { readonly option: BaseOption; readonly attached?: string },
  { negated, start }: Written,
): void {
  if (negated && NOT_NEGATABLE.includes(option)) {
    return problem(reading, start, refuse('not-negatable', `--${option} can not be negated`))
  }
  if (isGiven(reading, option)) {
    return problem(reading, start, refuse('conflicting-options', `--${option} is given twice`))
  }
  if (option === 'ipv4' || option === 'ipv6') {
    reading.onlyFamily = option
    return
  }
  if (option === 'fragments') return readFragment(reading, negated, start)
  const at = attached === undefined ? reading.at : reading.at - 1
  const value = takeValue(reading, attached, option)
  if (value === undefined) return
  if (option === 'match') return loadMatch(reading, value, at)
  if (option === 'jump' || option === 'goto')
    return loadTarget(reading, { name: value, verb: option, at })
  const refusal = readCriterion(reading, option, { value, negated, at })
  if (refusal !== undefined) problem(reading, at, refusal)
}

interface CriterionWords {
  readonly value: string
  readonly negated: boolean
  readonly at: number
}

/** Stores what the value says; why not, if it is not acceptable. */
function readCriterion(
  reading: Reading,
  option: 'source' | 'destination' | 'in-interface' | 'out-interface' | 'protocol' | 'set-counters',
  { value, negated, at }: CriterionWords,
): Refusal | undefined {
  const context = valueContext(reading, at)
  switch (option) {
    case 'source':
    case 'destination': {
      const networks = parseNetworks(value, negated, context)
      if (isRefusal(networks)) return networks
      reading[option] = networks
      return undefined
    }
    case 'in-interface':
    case 'out-interface': {
      const name = parseInterface(value, negated, context)
      if ('code' in name) return name
      reading[option === 'in-interface' ? 'inInterface' : 'outInterface'] = name
      return undefined
    }
    case 'protocol': {
      const protocol = parseProtocol(value, negated, context)
      if ('code' in protocol) return protocol
      reading.protocol = protocol
      return undefined
    }
    case 'set-counters': {
      const second = value.includes(',') ? undefined : reading.words[reading.at++]
      const counters = parseCounters(value, second)
      if ('code' in counters) return counters
      reading.counters = counters
      return undefined
    }
  }
}

function readFragment(reading: Reading, negated: boolean, start: number): void {
  if (reading.context.dialect.family === 'ipv6') {
    return problem(
      reading,
      start,
      refuse('wrong-family', '-f is IPv4 only', 'use the frag match for IPv6'),
    )
  }
  reading.fragment = { negated, value: '' }
}

function loadMatch(reading: Reading, name: string, word: number): void {
  const entry = findMatch(name, reading.context.dialect.family)
  const instance = load(reading, entry, { kind: 'match', name, word })
  reading.matches.push(instance)
  reading.loaded.unshift(instance)
}

function loadTarget(
  reading: Reading,
  {
    name,
    verb,
    at,
  }: { readonly name: string; readonly verb: 'jump' | 'goto'; readonly at: number },
): void {
  const entry = verb === 'goto' ? undefined : findTarget(name, reading.context.dialect.family)
  reading.verb = verb
  reading.target = load(reading, entry, { kind: 'target', name, word: at })
  reading.loaded.unshift(reading.target)
}

function readExtensionOption(
  reading: Reading,
  found: { readonly owner: Instance; readonly option: NamedOption; readonly attached?: string },
  { negated, start }: Written,
): void {
  const { owner, option, attached } = found
  const { spec, name } = option
  if (negated && !spec.negatable) {
    return problem(reading, start, refuse('not-negatable', `--${name} can not be negated`))
  }
  const first = reading.at
  const words = takeValues(reading, option, attached)
  if (words === undefined) return
  const at = Math.min(first, reading.words.length - 1)
  const parsed = spec.value.parse(words, valueContext(reading, at))
  if (isRefusal(parsed)) {
    return problem(reading, at, { ...parsed, message: `--${name}: ${parsed.message}` })
  }
  const stored = spec.rewrite?.(parsed, negated) ?? { name, negated, values: parsed }
  if (!spec.repeatable && owner.options.some((o) => o.name === stored.name)) {
    return problem(reading, start, refuse('conflicting-options', `--${stored.name} is given twice`))
  }
  owner.options.push(stored)
}

/** As many words as the option takes; undefined, with a problem, when one is missing. */
function takeValues(
  reading: Reading,
  { name, spec }: NamedOption,
  attached: string | undefined,
): readonly string[] | undefined {
  const words: string[] = attached === undefined ? [] : [attached]
  while (words.length < spec.value.words) {
    const word = takeValue(reading, undefined, name)
    if (word === undefined) return undefined
    words.push(word)
  }
  return words
}

function finishMatch(reading: Reading, instance: Instance): Match[] {
  const { extension, name } = instance
  if (extension === undefined) return [{ module: name, options: [], opaque: instance.opaque }]
  const options = finish(reading, instance, extension)
  return options === undefined ? [] : [{ module: extension.name, options }]
}

function finishTarget(reading: Reading, instance: Instance): Target | undefined {
  const { extension, name } = instance
  const { verb } = reading
  if (extension !== undefined) {
    const options = finish(reading, instance, extension)
    return options && { verb, name: extension.name, options }
  }
  if (instance.opaque.length > 0) {
    if (VERDICTS.includes(name)) {
      problem(reading, instance.word, refuse('unknown-option', `${name} takes no options`))
    }
    return { verb, name, options: [], opaque: instance.opaque }
  }
  return { verb, name, options: [] }
}

function finish(
  reading: Reading,
  instance: Instance,
  extension: MatchExtension | TargetExtension,
): readonly Option[] | undefined {
  const finished = finishOptions(extension, instance.options, valueContext(reading, instance.word))
  if (!isRefusal(finished)) return finished
  problem(reading, instance.word, finished)
  return undefined
}

type Building = { -readonly [K in keyof RuleSpec]: RuleSpec[K] }

const UNLISTED: readonly undefined[] = [undefined]

/** One spec for every pair of source and destination, as iptables expands lists. */
function combine(
  reading: Reading,
  matches: readonly Match[],
  target: Target | undefined,
): RuleSpec[] {
  const { inInterface, outInterface, protocol, fragment } = reading
  const specs: RuleSpec[] = []
  for (const source of reading.source ?? UNLISTED) {
    for (const destination of reading.destination ?? UNLISTED) {
      const spec: Building = { matches }
      if (source && !isAnyNetwork(source)) spec.source = source
      if (destination && !isAnyNetwork(destination)) spec.destination = destination
      if (inInterface && !isAnyInterface(inInterface)) spec.inInterface = inInterface
      if (outInterface && !isAnyInterface(outInterface)) spec.outInterface = outInterface
      if (protocol && protocol.value !== '0') spec.protocol = protocol
      if (fragment) spec.fragment = fragment
      if (target) spec.target = target
      specs.push(spec)
    }
  }
  return specs
}

function isAnyNetwork({ negated, value }: Criterion): boolean {
  return !negated && (value === '0.0.0.0/0' || value === '::/0')
}

function isAnyInterface({ negated, value }: Criterion): boolean {
  return !negated && value === '+'
}

/** What depends on the rule as a whole: the protocol, and the extensions' own checks. */
function checkExtensions(reading: Reading, spec: RuleSpec): void {
  const { dialect } = reading.context
  if (spec.matches.length > 1) checkTwins(reading, spec.matches)
  const instances = reading.target ? [...reading.matches, reading.target] : reading.matches
  const stored = [...spec.matches, ...(spec.target ? [spec.target] : [])]
  for (const [i, instance] of instances.entries()) {
    const { extension, word } = instance
    if (extension === undefined) continue
    const options = stored[i]?.options ?? []
    const wanted = extension.protocols
    const refusal =
      wanted && !hasProtocol(spec, wanted)
        ? refuse('needs-protocol', `${extension.name} needs ${protocolList(wanted, reading)}`)
        : extension.check?.(options, { spec, dialect })
    if (refusal) problem(reading, word, refusal)
    const caution =
      extension.caution?.(options, { spec, dialect }) ?? neverMatches(extension, options)
    if (caution) reading.cautions.push({ ...caution, word })
  }
}

/** Where two instances of one match test the same thing, nft stores only the last test. */
function checkTwins(reading: Reading, matches: readonly Match[]): void {
  for (const [i, match] of matches.entries()) {
    const entry = reading.matches[i]?.extension
    if (entry?.kind !== 'match' || !entry.mergeable) continue
    const twin = matches.slice(0, i).find((m) => m.module === match.module && shareOption(m, match))
    if (twin === undefined) continue
    const message = `two ${match.module} matches test the same: with nft only the last one counts`
    const hint = 'write one of them, or use two rules'
    reading.cautions.push({
      ...refuse('changes-meaning', message, hint),
      word: reading.matches[i]?.word ?? 0,
    })
  }
}

function hasProtocol({ protocol }: RuleSpec, wanted: readonly string[]): boolean {
  return protocol !== undefined && !protocol.negated && wanted.includes(protocol.value)
}

function protocolList(numbers: readonly string[], { context }: Reading): string {
  const names = numbers.map((n) => context.names.protocolName(Number(n)) ?? n)
  return `"-p ${names.join('|')}"`
}

/** A negated full range matches no packet, and older versions save it as one that matches all. */
function neverMatches(extension: Extension, options: readonly Option[]): Refusal | undefined {
  const never = options.find(
    (o) => o.negated && o.values.join(' ') === extension.options[o.name]?.any,
  )
  if (never === undefined) return undefined
  const message = `"! --${never.name}" with the full range matches no packet, and iptables may save it as a match for all`
  return refuse('never-matches', message, 'remove the rule or the option')
}

/**
 * Reads the words of a rule, as typed by a person or as saved, into its normal form.
 *
 * It follows iptables: options come in any order, `!` negates the next option, `-m` loads a match,
 * a protocol's own match is loaded when one of its options is met, lists of addresses make several
 * rules. What the catalogue does not know is kept word for word as an opaque match or target.
 */
import { implicitMatch, type NamedOption } from '../extensions/catalogue.ts'
import { isRefusal, refuse } from '../extensions/extension.ts'
import type { Counters, RuleSpec } from '../ruleset/model.ts'
import { checkExtensions } from './check-rule.ts'
import { combine, finishMatch, finishTarget } from './combine-rule.ts'
import { isOpaque, loadExtension } from './load-extension.ts'
import { findOption } from './options.ts'
import { readBase } from './read-base.ts'
import {
  type Instance,
  problem,
  type Reading,
  type RuleContext,
  type RuleProblem,
  startReading,
  stop,
  takeValue,
  valueContext,
  type Written,
} from './reading.ts'

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

export function parseRule(words: readonly string[], context: RuleContext): ParsedRule {
  const reading = startReading(words, context)
  while (reading.at < words.length && !reading.stopped) readOption(reading)
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
      return stop(reading, start, refuse('rule-syntax', `${word} is a command, not part of a rule`))
    case 'ambiguous':
      return stop(
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
    return stop(reading, start, refuse('rule-syntax', '"!" negates nothing'))
  }
  const refusal =
    word === '!'
      ? refuse('rule-syntax', '"!" is not a value', 'write the "!" before the option')
      : refuse('rule-syntax', `"${word}" is not an option`)
  stop(reading, reading.at, refusal)
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
    const candidate = loadExtension(reading, entry, {
      kind: 'match',
      name: entry.name,
      word: start,
    })
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
  stop(reading, start, refuse('unknown-option', `unknown option ${word}`, optionHint(reading)))
}

function optionHint(reading: Reading): string {
  const names = reading.loaded.map((instance) => instance.name)
  return names.length === 0
    ? 'an option of a match needs "-m MATCH", or its protocol ("-p"), before it'
    : `neither iptables nor ${names.join(', ')} has it; load the match that does with "-m MATCH" before it`
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
  const bare = words.length < spec.value.words
  const parsed = bare ? [] : spec.value.parse(words, valueContext(reading, at))
  if (isRefusal(parsed)) {
    return problem(reading, at, { ...parsed, message: `--${name}: ${parsed.message}` })
  }
  const stored = spec.rewrite?.(parsed, negated) ?? { name, negated, values: parsed }
  if (!spec.repeatable && owner.options.some((o) => o.name === stored.name)) {
    return problem(reading, start, refuse('conflicting-options', `--${stored.name} is given twice`))
  }
  owner.options.push(stored)
}

/** Whether a word that may be left out is there: iptables takes what does not begin an option. */
function isValue(word: string | undefined): boolean {
  return word !== undefined && word !== '!' && !word.startsWith('-')
}

/** As many words as the option takes; undefined, with a problem, when one is missing. */
function takeValues(
  reading: Reading,
  { name, spec }: NamedOption,
  attached: string | undefined,
): readonly string[] | undefined {
  const words: string[] = attached === undefined ? [] : [attached]
  if (spec.optional && words.length === 0 && !isValue(reading.words[reading.at])) return words
  while (words.length < spec.value.words) {
    // A comment may be "!": where nothing can be negated, it negates nothing.
    const word = takeValue(reading, undefined, name, !spec.negatable)
    if (word === undefined) return undefined
    words.push(word)
  }
  return words
}

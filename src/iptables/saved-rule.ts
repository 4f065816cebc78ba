import type { Counters, Origin, Rule, RuleSpec } from '../ruleset/model.ts'
import { parseRule } from './parse-rule.ts'
import type { PieceContext } from './piece-cache.ts'
import { UNREADABLE } from './print-rule.ts'
import { makeRule } from './rule.ts'
import { ruleKey } from './rule-key.ts'
import { keyOfPieces, readPieces } from './saved-pieces.ts'
import { tokenise } from './tokenise.ts'

/** What a dump says of a rule beside its text. */
export interface SavedRuleFacts {
  readonly counters?: Counters | undefined
  /** Where it stands, if the context names the file. Lines count from 1. */
  readonly line?: number
  /** Whether nothing around it `looksTyped`: that is cheaper to ask of many rules at once. */
  readonly isSaved?: boolean
}

/**
 * The rule of one `-A CHAIN` line of a dump; several when it was typed with a list of addresses.
 * What the catalogue has but can not read in this rule (a newer version, another build) is kept
 * word for word, so that a live rule is never lost.
 */
export function readSavedRule(
  text: string,
  context: SavedRuleContext,
  facts: SavedRuleFacts = {},
): readonly Rule[] {
  const rules: Rule[] = []
  addSavedRules(rules, text, context, facts)
  return rules
}

/** Adds them to a chain's. */
export function addSavedRules(
  rules: Rule[],
  text: string,
  context: SavedRuleContext,
  facts: SavedRuleFacts,
): void {
  if (mayExpand(text, facts.isSaved !== true && looksTyped(text)))
    rules.push(...readNow(text, context, facts))
  else rules.push(new SavedRule(text, context, facts))
}

export interface SavedRuleContext extends PieceContext {
  /** Named in origins. */
  readonly file?: string
}

/** Whether there may be what no save prints but people type: counters of its own, or a family. */
export function looksTyped(text: string): boolean {
  return text.startsWith('-c') || TYPED.some((word) => text.includes(word))
}

const TYPED = [' -c', '-4', '-6', '--set-counters', '--ipv']

/** A list of addresses, counters of its own or a family. Quickly told, for there are thousands. */
function mayExpand(text: string, isTyped: boolean): boolean {
  if (isTyped && /(^| )(-c|-4|-6|--set-counters|--ipv[46])[ =\d]?/.test(text)) return true
  const comma = text.indexOf(',')
  return comma >= 0 && comma < endOfCriteria(text)
}

/** Where the first match or the target begins. */
function endOfCriteria(text: string): number {
  for (let blank = text[0] === '-' ? -1 : text.indexOf(' -'); ; ) {
    const word = text[blank + 2]
    if (text[blank + 3] === ' ' && (word === 'm' || word === 'j' || word === 'g')) return blank + 1
    blank = text.indexOf(' -', blank + 1)
    if (blank < 0) return text.length
  }
}

/**
 * A rule of a dump. A host's rules are mostly compared as text, so the rest is read when it is asked
 * for. It is a class so that ten thousand of them cost no more than their texts.
 */
class SavedRule implements Rule {
  readonly text: string
  readonly counters?: Counters
  readonly #context: SavedRuleContext
  readonly #line: number | undefined
  #key: string | undefined
  #read: Rule | undefined

  constructor(text: string, context: SavedRuleContext, { counters, line }: SavedRuleFacts) {
    this.text = text
    this.#context = context
    this.#line = line
    if (counters) this.counters = counters
  }

  get origin(): Origin | undefined {
    return originOf(this.#context, this.#line)
  }

  get spec(): RuleSpec {
    this.#read ??= readNow(this.text, this.#context, {})[0] as Rule
    return this.#read.spec
  }

  get key(): string {
    this.#key ??=
      keyOfPieces(this.text, this.#context) ?? ruleKey(this.spec, this.#context.dialect.family)
    return this.#key
  }
}

function originOf({ file }: SavedRuleContext, line: number | undefined): Origin | undefined {
  return file === undefined || line === undefined ? undefined : { file, line, column: 1 }
}

function readNow(text: string, context: SavedRuleContext, facts: SavedRuleFacts): readonly Rule[] {
  const { dialect, names } = context
  const origin = originOf(context, facts.line)
  const options = { dialect, names, ...(origin && { origin }) }
  const keep = (spec: RuleSpec, counters = facts.counters): Rule =>
    makeRule(spec, { ...options, text, ...(counters && { counters }) })
  const pieces = readPieces(text, context)
  if (pieces !== undefined) return [keep(pieces)]
  const { words } = tokenise(text)
  const opaque = new Set<string>()
  for (;;) {
    const parsed = parseRule(words, { dialect, names, opaque, saved: true })
    const { specs, problems, counters = facts.counters } = parsed
    if (problems.length === 0 && specs.length === 1) return [keep(specs[0] as RuleSpec, counters)]
    if (problems.length === 0) {
      return specs.map((spec) => makeRule(spec, { ...options, ...(counters && { counters }) }))
    }
    const name = extensionBefore(words, problems[0]?.word ?? 0)
    if (name === undefined || opaque.has(name)) return [keep(unreadable(words))]
    opaque.add(name)
  }
}

/** The match or target that the word at `index` belongs to. */
function extensionBefore(words: readonly string[], index: number): string | undefined {
  for (let i = Math.min(index, words.length - 1); i > 0; i--) {
    if (['-m', '--match', '-j', '--jump'].includes(words[i - 1] as string)) return words[i]
  }
  return undefined
}

/** Kept word for word; where it jumps is still of interest. */
function unreadable(words: readonly string[]): RuleSpec {
  const at = words.findIndex((w) => w === '-j' || w === '-g')
  const name = at < 0 ? undefined : words[at + 1]
  const matches = [{ module: UNREADABLE, options: [], opaque: words }]
  if (name === undefined) return { matches }
  return { matches, target: { verb: words[at] === '-g' ? 'goto' : 'jump', name, options: [] } }
}

/** The state of reading one rule: a cursor over its words, and what was found so far. */
import { type Extension, type Refusal, refuse, type ValueContext } from '../extensions/extension.ts'
import type { Names } from '../extensions/names.ts'
import type { Counters, Criterion, Dialect, Option } from '../ruleset/model.ts'

/** Something wrong with a rule. `word` is the index of the word it is about. */
export interface RuleProblem extends Refusal {
  readonly word: number
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
export interface Instance {
  readonly kind: 'match' | 'target'
  readonly name: string
  readonly extension: Extension | undefined
  /** The word that named it, for problems. */
  readonly word: number
  readonly options: Option[]
  /** The words of an unknown extension. */
  readonly opaque: string[]
}

/** The state of one reading. */
export interface Reading {
  readonly words: readonly string[]
  readonly context: RuleContext
  at: number
  /** Set when the rest can not be understood. */
  stopped: boolean
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

export function startReading(words: readonly string[], context: RuleContext): Reading {
  return {
    words,
    context,
    at: 0,
    stopped: false,
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

export function problem(reading: Reading, word: number, refusal: Refusal): void {
  reading.problems.push({ ...refusal, word })
}

/** Reports what makes the words after it meaningless as well. */
export function stop(reading: Reading, word: number, refusal: Refusal): void {
  problem(reading, word, refusal)
  reading.stopped = true
}

/** What value types see of the rule; what they caution about is the word at `word`. */
export function valueContext(reading: Reading, word: number): ValueContext {
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

/** How an option was written: negated or not, and at which word. */
export interface Written {
  readonly negated: boolean
  readonly start: number
}

/** The value of an option; undefined, with a problem, when there is none. */
export function takeValue(
  reading: Reading,
  attached: string | undefined,
  option: string,
  anyText = false,
): string | undefined {
  const value = attached ?? reading.words[reading.at++]
  if (value === undefined) {
    stop(reading, reading.words.length - 1, refuse('rule-syntax', `--${option} needs a value`))
  } else if (value === '!' && !anyText) {
    stop(
      reading,
      reading.at - 1,
      refuse('rule-syntax', '"!" is not a value', 'write the "!" before the option'),
    )
    return undefined
  }
  return value
}

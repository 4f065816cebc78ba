/**
 * The shape of a catalogue entry. One entry describes one match or target completely; parser,
 * canonical form, printer, JSON schema, import, validation, reference pages and the random rule
 * generator are all derived from it, so adding an extension is adding one entry.
 */
import type { DiagnosticCode } from '../base/diagnostic.ts'
import type { Hook } from '../ruleset/hooks.ts'
import type { Dialect, Family, Option, RuleSpec, TableName, Target } from '../ruleset/model.ts'
import type { Names } from './names.ts'

/** Why a value or a combination is not accepted. */
export interface Refusal {
  readonly code: DiagnosticCode
  readonly message: string
  readonly hint?: string
}

/** What a value type may ask while it reads a value. */
export interface ValueContext {
  readonly family: Family
  readonly dialect: Dialect
  readonly names: Names
  /** The protocol of the rule as far as it is read, a decimal number; services depend on it. */
  readonly protocol: string | undefined
  /** Reports what iptables accepts but what does not mean what was written. */
  readonly caution: (caution: Refusal) => void
}

/** A source of random integers: `random(n)` is in 0 … n-1. Seeded by the caller. */
export type Random = (below: number) => number

/** A JSON schema, as plain data. */
export type JsonSchema = { readonly [key: string]: unknown }

/**
 * How the words of an option are read and printed. `parse` yields the normal form: every spelling
 * of one value gives the same words, and parsing the normal form gives it again.
 */
export interface ValueType {
  readonly name: string
  /** How many words an option of this type takes: 0 is a flag. */
  readonly words: 0 | 1 | 2
  readonly parse: (words: readonly string[], context: ValueContext) => readonly string[] | Refusal
  /**
   * Tells at little cost that a word is its own normal form, whatever the family, protocol and
   * dialect are, and that no `fold` changes it unless it is negated: a save has thousands of such
   * words. False is no verdict.
   */
  readonly isNormal?: (word: string) => boolean
  /** How a save writes the normal form, where that differs between versions or back ends. */
  readonly print?: (values: readonly string[], dialect: Dialect, names: Names) => readonly string[]
  /** `text`: in quotes where iptables needs them; `always`: in quotes; absent: never. */
  readonly quote?: 'text' | 'always'
  /** The value in a YAML policy. */
  readonly schema: JsonSchema
  /** What a value is, as a noun phrase: "a port, a range or a service name". */
  readonly description: string
  readonly examples: readonly (string | number | boolean)[]
  /** A random valid value as a person may type it. */
  readonly sample: (random: Random, context: ValueContext) => readonly string[]
}

/** One option of an extension. The key in `options` is the name that a save prints. */
export interface OptionSpec {
  readonly value: ValueType
  readonly description: string
  /** Other long names that are read. */
  readonly aliases?: readonly string[]
  readonly negatable?: boolean
  readonly required?: boolean
  /** The value may be left out: `values` is then empty. */
  readonly optional?: true
  /** May be given more than once in one instance. */
  readonly repeatable?: boolean
  /** Of the options that share a group, at most one may be given. */
  readonly group?: string
  /** Options that must be given too. */
  readonly needs?: readonly string[]
  /** The normal value that means the same as leaving the option out; a save leaves it out. */
  readonly omit?: string
  /** The normal value that every packet has: left out; negated it can never match. */
  readonly any?: string
  /** The normal value that is stored, and saved, when the option is not given. */
  readonly preset?: string | ((context: ValueContext) => string)
  /**
   * For a spelling that is stored as something else: what a save prints instead. Such an option is
   * read, but never printed.
   */
  readonly rewrite?: (values: readonly string[], negated: boolean) => Option
  /** One of several spellings of the same meaning that are saved as typed: the one keys compare. */
  readonly fold?: (option: Option) => Option
  readonly families?: readonly Family[]
  /** Where the option may stand, if that is narrower than its extension. */
  readonly tables?: readonly TableName[]
  readonly hooks?: readonly Hook[]
  /** Something on the host must be there for it; the random generator leaves the option out. */
  readonly needsHost?: string
}

/** What an entry's `check` sees besides its own options. */
export interface RuleContext {
  readonly spec: RuleSpec
  readonly dialect: Dialect
}

interface ExtensionBase {
  readonly name: string
  /** Other names that `-m` or `-j` accept. */
  readonly aliases?: readonly string[]
  /** One sentence, for hover texts and the reference. */
  readonly summary: string
  /** Absent: both. Entries of one name may differ by family. */
  readonly families?: readonly Family[]
  /** In the order in which a save prints them. */
  readonly options: Readonly<Record<string, OptionSpec>>
  /** `-p` must name one of these (decimal numbers), not negated. */
  readonly protocols?: readonly string[]
  /** Absent: all. */
  readonly tables?: readonly TableName[]
  /** Where the legacy back end takes it in fewer tables than nft does. */
  readonly legacyTables?: readonly TableName[]
  /** The built-in chains it may be reached from. Absent: all. */
  readonly hooks?: readonly Hook[]
  /** The same where it depends on the options. Undefined: as `hooks` says. */
  readonly hooksFor?: (options: readonly Option[]) => readonly Hook[] | undefined
  /** The order of the options is part of what they mean, as in a list of elements: keys keep it. */
  readonly ordered?: true
  /** At least one of the options must be given. */
  readonly needsOption?: boolean
  /**
   * Which of the options are valid together, and what else changes the stored form. `typed` has
   * them in the order in which they were written, for where the last one wins.
   */
  readonly normalise?: (
    options: readonly Option[],
    context: ValueContext,
    typed: readonly Option[],
  ) => readonly Option[] | Refusal
  /** What the kernel or iptables refuses of the rule as a whole. */
  readonly check?: (options: readonly Option[], rule: RuleContext) => Refusal | undefined
  /** What iptables accepts although it does not do what it says, by dialect if need be. */
  readonly caution?: (options: readonly Option[], rule: RuleContext) => Refusal | undefined
  /** Options as a save writes them, where order or presence depend on each other or the dialect. */
  readonly print?: (options: readonly Option[], dialect: Dialect) => readonly Option[]
  /** The kernel has no such extension on some hosts; the random generator leaves it out. */
  readonly needsHost?: string
}

export interface MatchExtension extends ExtensionBase {
  readonly kind: 'match'
  /**
   * `pure`: depends on the packet only, so it commutes with its neighbours. `stateful`: counts,
   * draws lots or remembers, so its place among the matches matters. `comment`: matches everything.
   */
  readonly effect: 'pure' | 'stateful' | 'comment'
  /** The same where it depends on the options. */
  readonly effectOf?: (options: readonly Option[]) => 'pure' | 'stateful'
  /** The match that the kernel has instead: keys take it for that one, options by their `fold`. */
  readonly synonymOf?: string
  /** `-p` with one of these protocols (decimal) loads the match by itself when an option needs it. */
  readonly implicitFor?: readonly string[]
  /** Two instances in one rule mean the same as one with the options of both. */
  readonly mergeable?: boolean
  /** Of a mergeable match: nft keeps an instance with these options in one piece, as legacy does. */
  readonly storedWhole?: (options: readonly Option[]) => boolean
}

export interface TargetExtension extends ExtensionBase {
  readonly kind: 'target'
  /** Whether a packet that matches goes on to the next rule. */
  readonly terminating: boolean
  /** The target and options that do the same: keys take it for those. */
  readonly sameAs?: Pick<Target, 'name' | 'options'>
}

export type Extension = MatchExtension | TargetExtension

export function refuse(code: DiagnosticCode, message: string, hint?: string): Refusal {
  return hint === undefined ? { code, message } : { code, message, hint }
}

export function isRefusal(value: readonly unknown[] | Refusal): value is Refusal {
  return !Array.isArray(value)
}

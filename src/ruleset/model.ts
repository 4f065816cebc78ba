/**
 * The canonical model that parser, compiler, diff, printer and every analysis meet in.
 *
 * A `Rule` in a chain carries three views of the same thing: `spec` (what it means, as data), `text`
 * (the words after `-A CHAIN `, as the host's own iptables-save prints them) and `key` (its
 * identity: equal keys mean equal behaviour, whatever version or back end printed the text).
 */
import type { Position } from '../base/diagnostic.ts'

export type Family = 'ipv4' | 'ipv6'
export const FAMILIES: readonly Family[] = ['ipv4', 'ipv6']

export type TableName = 'raw' | 'mangle' | 'nat' | 'filter' | 'security'

/** In the order in which a packet meets them. */
export const TABLES: readonly TableName[] = ['raw', 'mangle', 'nat', 'filter', 'security']

export type Backend = 'nft' | 'legacy'

/** What prints and reads the rules: texts differ a little between back ends and versions. */
export interface Dialect {
  readonly family: Family
  readonly backend: Backend
  /** As `iptables --version` says it, e.g. `[1, 8, 9]`. */
  readonly version: readonly [number, number, number]
}

/** Whether a version is the wanted one or a later one. */
export function atLeast(version: Dialect['version'], wanted: Dialect['version']): boolean {
  for (let i = 0; i < 3; i++) {
    const difference = (version[i] as number) - (wanted[i] as number)
    if (difference !== 0) return difference > 0
  }
  return true
}

/** Packets and bytes, as `[12:3456]` in a save. 64 bit each in the kernel. */
export interface Counters {
  readonly packets: bigint
  readonly bytes: bigint
}

/** One option of a match or target in normal form: numbers for names, masks applied. */
export interface Option {
  /** The long option that a save prints, without dashes. */
  readonly name: string
  readonly negated: boolean
  /** One string per word: none for a flag, two for `--tcp-flags MASK COMP`. */
  readonly values: readonly string[]
}

export interface Match {
  readonly module: string
  /** In the order in which a save prints them. */
  readonly options: readonly Option[]
  /** The words after the module's name, kept as they came: the catalogue can not read them. */
  readonly opaque?: readonly string[]
}

export interface Target {
  readonly verb: 'jump' | 'goto'
  /** A built-in verdict, a target extension, or a user-defined chain. */
  readonly name: string
  readonly options: readonly Option[]
  readonly opaque?: readonly string[]
}

/** An address with a mask, an interface or a protocol, possibly negated. */
export interface Criterion {
  readonly negated: boolean
  readonly value: string
}

/** What a rule means. Absent parts match everything. */
export interface RuleSpec {
  /** `10.0.0.0/8`, `2001:db8::/32`, `10.0.0.0/255.0.255.0`; host bits cleared. */
  readonly source?: Criterion
  readonly destination?: Criterion
  /** An interface name; a trailing `+` is a wildcard. */
  readonly inInterface?: Criterion
  readonly outInterface?: Criterion
  /** The decimal protocol number. */
  readonly protocol?: Criterion
  /** IPv4 `-f`: second and further fragments; `value` is empty. */
  readonly fragment?: Criterion
  readonly matches: readonly Match[]
  readonly target?: Target
}

/** Where a compiled rule comes from, and what its author said of it. */
export interface Origin extends Position {
  readonly name?: string
  /** Who answers for it. */
  readonly owner?: string
  /** Where it was decided. */
  readonly ticket?: string
  /** From when on it is no longer wanted, as it was written. */
  readonly expires?: string
}

export interface Rule {
  readonly spec: RuleSpec
  readonly text: string
  readonly key: string
  readonly counters?: Counters
  readonly origin?: Origin | undefined
  /** It is known that `origin` has no `expires`; to look it up takes longer. */
  readonly isLasting?: boolean
  /**
   * `spec`, but for addresses, ports and comments, which are those of another rule: enough for what does
   * not depend on them, and the same object for many rules. Only of rules whose spec has to be read.
   */
  readonly outline?: RuleSpec
}

export interface Chain {
  readonly name: string
  /** Only built-in chains have one. */
  readonly policy?: 'ACCEPT' | 'DROP'
  readonly counters?: Counters
  readonly rules: readonly Rule[]
  readonly origin?: Origin
}

export interface Table {
  readonly name: TableName
  /** Built-in chains in hook order, then user-defined chains. */
  readonly chains: readonly Chain[]
}

/** All tables of one family. A table that is not here has no rules and policies ACCEPT. */
export interface Ruleset {
  readonly family: Family
  readonly tables: readonly Table[]
}

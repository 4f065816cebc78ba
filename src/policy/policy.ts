import type { Position } from '../base/diagnostic.ts'
import type { Family, TableName } from '../ruleset/model.ts'
import type { Value } from './value.ts'

/** `chains`: the declared chains are ours; `exclusive`: the whole named tables are. */
export type OwnershipMode = 'chains' | 'hooks' | 'exclusive'

export interface Ownership {
  readonly mode: OwnershipMode
  /** Name patterns of chains that belong to other tools; `*` is a wildcard. */
  readonly foreign: readonly string[]
}

/** One value of a group, with the place where it was written. */
export interface Member {
  readonly text: string
  readonly at: Position
}

export interface Group {
  readonly name: string
  readonly at: Position
  /** Nested groups are resolved. */
  readonly members: readonly Member[]
}

export type GroupKind = 'addresses' | 'ports' | 'interfaces'
export type Groups = Readonly<Record<GroupKind, ReadonlyMap<string, Group>>>

export interface PolicyChain {
  readonly name: string
  readonly at: Position
  /** Absent: those of the policy. */
  readonly family?: Family
  readonly policies: Readonly<Partial<Record<Family, 'ACCEPT' | 'DROP'>>>
  /** Where the default policy is written. */
  readonly policyAt?: Position
  /** Rules as written; they have the shape that the schema asks for. */
  readonly rules: readonly Value[]
}

export interface PolicyTable {
  readonly name: TableName
  readonly at: Position
  readonly family?: Family
  readonly chains: readonly PolicyChain[]
}

/** A policy that was read, with includes, variables and groups resolved. */
export interface Policy {
  /** The main file, as it was named. */
  readonly file: string
  readonly name?: string
  readonly description?: string
  readonly labels: Readonly<Record<string, string>>
  readonly families: readonly Family[]
  readonly ownership: Ownership
  readonly groups: Groups
  readonly tables: readonly PolicyTable[]
  /** False when reading it found errors: it still compiles, for more findings, but to nothing. */
  readonly valid: boolean
}

import type { Position } from '../base/diagnostic.ts'
import type { IpSet } from '../ipset/set.ts'
import type { Family, TableName } from '../ruleset/model.ts'
import type { Value } from './value.ts'

/** `chains`: the declared chains are ours; `exclusive`: the whole named tables are. */
export type OwnershipMode = 'chains' | 'hooks' | 'exclusive'

/** The tools whose chains and rules fwctl recognises by itself. */
export const FOREIGN_TOOLS = [
  'docker',
  'kubernetes',
  'calico',
  'cilium',
  'flannel',
  'kube-router',
  'weave',
  'antrea',
  'aws-cni',
  'cni',
  'netavark',
  'istio',
  'fail2ban',
  'crowdsec',
  'sshguard',
  'ufw',
  'firewalld',
  'libvirt',
  'lxd',
  'tailscale',
  'wg-quick',
  'miniupnpd',
  'openstack',
] as const
export type ForeignTool = (typeof FOREIGN_TOOLS)[number]

/** How chains and rules of other tools are recognised. In globs, `*` is any text. */
export interface ForeignPatterns {
  readonly presets: readonly ForeignTool[]
  /** Globs of chain names: the chains, and rules of shared chains that jump to them. */
  readonly chains: readonly string[]
  /** Globs of comments of rules in shared chains. */
  readonly comments: readonly string[]
  /** Globs of the interfaces that rules in shared chains are about. */
  readonly interfaces: readonly string[]
}

/** Where the jump into a chain of ours stands in a built-in chain, in mode `hooks`. */
export type HookPosition = 'first' | 'last'

export interface Ownership {
  readonly mode: OwnershipMode
  readonly hook: HookPosition
  readonly foreign: ForeignPatterns
}

export const KNOWN_TOOLS: ForeignPatterns = {
  presets: FOREIGN_TOOLS,
  chains: [],
  comments: [],
  interfaces: [],
}

/** What a policy without an `ownership` section means. */
export const DEFAULT_OWNERSHIP: Ownership = { mode: 'chains', hook: 'first', foreign: KNOWN_TOOLS }

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

/** An ipset that the policy declares. */
export interface PolicySet {
  readonly set: IpSet
  /** False: the policy says nothing about its entries. */
  readonly declaresEntries: boolean
  readonly at: Position
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
  readonly sets: readonly PolicySet[]
  /** False when reading it found errors: it still compiles, for more findings, but to nothing. */
  readonly valid: boolean
}

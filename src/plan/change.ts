/** One difference between live and target, as a person reads it and as programs count it. */
import type { SetChange, SetChangeKind } from '../ipset/diff.ts'
import type { Chain, Rule, TableName } from '../ruleset/model.ts'

interface InChain {
  readonly table: TableName
  readonly chain: string
}

/** Positions count from 1, as `iptables -L --line-numbers` does. */
interface BothPlaces {
  readonly livePosition: number
  readonly targetPosition: number
  /** As it is live, with its counters. */
  readonly before: Rule
  readonly after: Rule
}

export interface ChainAdd extends InChain {
  readonly kind: 'chain-add'
  readonly after: Chain
}

/** The rules of a chain that goes are `rule-remove` changes of their own. */
export interface ChainRemove extends InChain {
  readonly kind: 'chain-remove'
  readonly before: Chain
}

export interface PolicyChange extends InChain {
  readonly kind: 'policy-change'
  /** With the counters of the packets that the old policy decided. */
  readonly before: Chain
  readonly after: Chain
}

export interface RuleAdd extends InChain {
  readonly kind: 'rule-add'
  readonly targetPosition: number
  readonly after: Rule
}

export interface RuleRemove extends InChain {
  readonly kind: 'rule-remove'
  readonly livePosition: number
  readonly before: Rule
}

/** An edited rule: it takes over the counters of the rule that it was. */
export interface RuleChange extends InChain, BothPlaces {
  readonly kind: 'rule-change'
}

/** The same rule elsewhere in its chain, with its counters. */
export interface RuleMove extends InChain, BothPlaces {
  readonly kind: 'rule-move'
}

export type Change =
  | ChainAdd
  | ChainRemove
  | PolicyChange
  | RuleAdd
  | RuleRemove
  | RuleChange
  | RuleMove

export type ChangeKind = Change['kind']

/** How many changes there are of each kind. */
export type Summary = Readonly<Record<ChangeKind | SetChangeKind, number>>

export function summarise(changes: Iterable<Change>, sets: Iterable<SetChange> = []): Summary {
  const counts: Record<ChangeKind | SetChangeKind, number> = {
    'chain-add': 0,
    'chain-remove': 0,
    'policy-change': 0,
    'rule-add': 0,
    'rule-remove': 0,
    'rule-change': 0,
    'rule-move': 0,
    'set-add': 0,
    'set-change': 0,
    'set-recreate': 0,
    'set-remove': 0,
  }
  for (const change of changes) counts[change.kind]++
  for (const change of sets) counts[change.kind]++
  return counts
}

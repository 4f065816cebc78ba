import type { Names } from '../extensions/names.ts'
import type { Criterion, Dialect, Match, Target } from '../ruleset/model.ts'
import type { PlainBeginning } from './plain-piece.ts'
import type { MatchKey } from './rule-key.ts'

/** What has been read of one dump. */
export interface PieceCache {
  readonly criteria: Map<string, Criterion>
  /** By protocol: how an option reads may depend on it. */
  readonly pieces: Map<string, Pieces>
  /** What pieces begin with; null: not plain. */
  readonly beginnings: Map<string, PlainBeginning | null>
}

/** Those of one protocol. */
export interface Pieces {
  readonly matches: Map<string, Match>
  readonly targets: Map<string, Target>
  readonly matchKeys: Map<string, MatchKey>
  readonly targetKeys: Map<string, string>
}

export interface PieceContext {
  readonly dialect: Dialect
  readonly names: Names
  readonly cache: PieceCache
}

export function newPieceCache(): PieceCache {
  return { criteria: new Map(), pieces: new Map(), beginnings: new Map() }
}

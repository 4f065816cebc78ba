import type { Position } from '../base/diagnostic.ts'
import type { Dialect, Family, Rule } from '../ruleset/model.ts'
import type { OperandContext } from './operand.ts'

/** What compiling a rule needs to know of its surroundings. */
export interface RuleContext extends OperandContext {
  readonly dialects: Readonly<Partial<Record<Family, Dialect>>>
  /** Rules that expired before it are left out; absent: none are. */
  readonly now?: Date
  /** Gets, for each rule that expires, until when what `now` makes of it stays the same. */
  readonly deadlines?: number[]
  /** The families that the chain exists in. */
  readonly families: readonly Family[]
  /** Where the target of each compiled rule is written: what is wrong with a jump points there. */
  readonly targetAt: Pick<WeakMap<Rule, Position>, 'get'> & {
    readonly set: (rule: Rule, at: Position) => void
  }
}

/** The rules that one entry of a policy stands for. */
export type CompiledRule = Readonly<Partial<Record<Family, readonly Rule[]>>>

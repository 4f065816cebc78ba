import type { Position } from '../base/diagnostic.ts'
import type { Names } from '../extensions/names.ts'
import type { PieceCache } from '../iptables/piece-cache.ts'
import { readSavedRule } from '../iptables/saved-rule.ts'
import type { Dialect, Origin, Rule, RuleSpec } from '../ruleset/model.ts'
import type { Folded } from './folded-rule.ts'

/** What the rules of one pattern have in common. */
export interface FilledRuleContext {
  readonly dialect: Dialect
  readonly names: Names
  readonly cache: PieceCache
  readonly originOf: (rule: Folded) => Origin
}

/**
 * A rule of which the text is put together from its form and its particulars. What it means is read
 * from that when somebody asks, as a rule of a dump is. A class, for thousands of them are held.
 */
export class FilledRule implements Rule {
  readonly text: string
  readonly outline: RuleSpec
  readonly #rule: Folded
  readonly #context: FilledRuleContext
  #read: Rule | undefined

  constructor(
    { text, outline, rule }: Pick<FilledRule, 'text' | 'outline'> & { readonly rule: Folded },
    context: FilledRuleContext,
  ) {
    this.text = text
    this.outline = outline
    this.#rule = rule
    this.#context = context
  }

  get spec(): RuleSpec {
    return this.#meaning().spec
  }

  get key(): string {
    return this.#meaning().key
  }

  get origin(): Origin {
    return this.#context.originOf(this.#rule)
  }

  /** Where the target is written. */
  get targetAt(): Position | undefined {
    return this.#rule.targetAt
  }

  #meaning(): Rule {
    this.#read ??= readSavedRule(this.text, this.#context)[0] as Rule
    return this.#read
  }
}

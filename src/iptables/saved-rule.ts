import type { Counters, Origin, Rule, RuleSpec } from '../ruleset/model.ts'
import { parseRule } from './parse-rule.ts'
import { UNREADABLE } from './print-rule.ts'
import { makeRule } from './rule.ts'
import { type PieceContext, readPieces } from './saved-pieces.ts'
import { tokenise } from './tokenise.ts'

export interface SavedRuleContext extends PieceContext {
  readonly counters: Counters | undefined
  readonly origin: Origin | undefined
}

/**
 * The rule of one `-A CHAIN` line of a dump; several when it was typed with a list of addresses.
 * What the catalogue has but can not read in this rule (a newer version, another build) is kept
 * word for word, so that a live rule is never lost.
 */
export function readSavedRule(text: string, context: SavedRuleContext): readonly Rule[] {
  return mayExpand(text) ? readNow(text, context) : [readLater(text, context)]
}

/** A list of addresses, counters of its own or a family: no save prints them, people type them. */
function mayExpand(text: string): boolean {
  const end = text.search(/ -[mjg] /)
  const head = end < 0 ? text : text.slice(0, end)
  return head.includes(',') || /(^| )(-c|-4|-6|--set-counters|--ipv[46])[ =\d]?/.test(text)
}

/** A host's rules are mostly compared as text; the reading waits until it is asked for. */
function readLater(text: string, context: SavedRuleContext): Rule {
  let rule: Rule | undefined
  const read = (): Rule => {
    rule ??= readNow(text, context)[0] as Rule
    return rule
  }
  return {
    get spec(): RuleSpec {
      return read().spec
    },
    get key(): string {
      return read().key
    },
    text,
    ...(context.counters && { counters: context.counters }),
    ...(context.origin && { origin: context.origin }),
  }
}

function readNow(text: string, context: SavedRuleContext): readonly Rule[] {
  const { dialect, names, origin } = context
  const line = tokenise(text)
  const { words } = line
  const pieces = readPieces(text, line, context)
  if (pieces !== undefined) {
    const { counters } = context
    return [
      makeRule(pieces, { dialect, text, ...(counters && { counters }), ...(origin && { origin }) }),
    ]
  }
  const opaque = new Set<string>()
  for (;;) {
    const parsed = parseRule(words, { dialect, names, opaque, saved: true })
    const { specs, problems, counters = context.counters } = parsed
    const options = { dialect, names, ...(counters && { counters }), ...(origin && { origin }) }
    if (problems.length === 0 && specs.length === 1) {
      return [makeRule(specs[0] as RuleSpec, { ...options, text })]
    }
    if (problems.length === 0) return specs.map((spec) => makeRule(spec, options))
    const name = extensionBefore(words, problems[0]?.word ?? 0)
    if (name === undefined || opaque.has(name)) {
      return [makeRule(unreadable(words), { ...options, text })]
    }
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

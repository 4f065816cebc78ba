/** What a rule does to the set of packets that get through: what the order of a commit depends on. */
import type { Rule, Ruleset, TableName } from '../ruleset/model.ts'
import { findTable } from './state.ts'

/**
 * With a rule that has effect `deny` fewer packets get through than without it, with `accept` more,
 * with `none` the same. `mixed`: more of some and fewer of others, such as a RETURN, or a jump to a
 * chain that has both. `other`: later rules or tables see another packet, or it is not known.
 */
export type Effect = 'deny' | 'accept' | 'none' | 'mixed' | 'other'

/** Targets that let a packet go on as it is. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  'AUDIT',
  'CHECKSUM',
  'IDLETIMER',
  'LED',
  'LOG',
  'NFLOG',
  'RATEEST',
  'TCPMSS',
  'TEE',
  'TRACE',
  'ULOG',
])

const VERDICTS: ReadonlyMap<string, Effect> = new Map([
  ['ACCEPT', 'accept'],
  ['DROP', 'deny'],
  ['REJECT', 'deny'],
  ['RETURN', 'mixed'],
])

/** Matches that remember what they have seen, for other rules to ask. */
const REMEMBERING = / -m (recent|hashlimit|quota|nfacct|rateest) /

/** The effects of rules of one table; jumps have that of the chain that they lead to. */
export function effectsIn(
  ruleset: Ruleset,
  table: TableName,
): (rule: Rule, chain: string) => Effect {
  const chains = new Map(findTable(ruleset, table)?.chains.map((chain) => [chain.name, chain]))
  const known = new Map<string, Effect>()

  function ofRule(rule: Rule, chain: string): Effect {
    // What nat does to a packet, later tables see; but for the last hook of all.
    if (table === 'nat') return chain === 'POSTROUTING' ? 'none' : 'other'
    const { name, verb } = rule.spec.target ?? {}
    if (REMEMBERING.test(` ${rule.text} `)) return 'other'
    if (name === undefined || WITHOUT_EFFECT.has(name)) return 'none'
    const verdict = VERDICTS.get(name)
    if (verdict !== undefined) return verdict
    if (!chains.has(name)) return 'other'
    return verb === 'goto' ? 'mixed' : ofChain(name)
  }

  function ofChain(name: string): Effect {
    const before = known.get(name)
    if (before !== undefined) return before
    // The kernel would refuse a loop; it must not hang us.
    known.set(name, 'other')
    // A RETURN leaves no more than this chain, and is harmless where all the others decide alike.
    const rules = (chains.get(name)?.rules ?? []).filter(
      ({ spec: { target } }) => target?.name !== 'RETURN',
    )
    const effect = together(new Set(rules.map((rule) => ofRule(rule, name))))
    known.set(name, effect)
    return effect
  }

  return ofRule
}

function together(effects: ReadonlySet<Effect>): Effect {
  if (effects.has('other')) return 'other'
  const [only = 'none', more] = [...effects].filter((effect) => effect !== 'none')
  return more === undefined ? only : 'mixed'
}

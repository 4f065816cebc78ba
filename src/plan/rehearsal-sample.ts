/**
 * What is left of a batch of thousands of rules when those that only repeat others are left out. Whether the
 * kernel takes a rule, and what iptables makes of it, does not depend on which address or port it names.
 *
 * Goals, and how each is met (docs/decisions/0046):
 * 1. The verdict is that of the whole batch. Left out is only a rule that differs from one that stays in
 *    nothing but addresses of the same length of prefix, ports, or its comment (`formOf`), in a chain that
 *    is reached from the same built-in chains: that is what the kernel judges a rule by.
 * 2. Loops, chains that are too deep, and what a jump brings into a hook are seen: all jumps stay, and so
 *    do all chains.
 *    On legacy the kernel does not look behind a rule that ends a chain for every packet: a table with rules
 *    there has no sample.
 * 3. Rules that the kernel compares with each other by a name all stay.
 * 4. The lines that stay mean what they meant. Rules are left out only of chains that the batch does no
 *    more to than to append rules: there, no number depends on them.
 * 5. What a sample can not show is that there are too many rules for the kernel. So it is for a batch that
 *    the kernel takes as a whole or not at all; that is for the caller to see to.
 */
import { BUILTIN_CHAINS } from '../ruleset/hooks.ts'
import type { Chain, Rule, Ruleset, Table, TableName } from '../ruleset/model.ts'
import type { Batch, BatchLine } from './batch.ts'
import { jumpOf } from './jump.ts'
import { endOf, isShared } from './rehearsal-seed.ts'

export interface RehearsalSample {
  readonly text: string
  /** What is there after it. */
  readonly target: Ruleset
}

/** With fewer rules that are appended, looking for forms takes as long as loading them. */
const FEW_RULES = 200

/** Undefined: there is nothing, or too little, to leave out. */
export function rehearsalSample(input: {
  readonly target: Ruleset
  readonly batch: Pick<Batch, 'lines'>
}): RehearsalSample | undefined {
  const { target, batch } = input
  const appended = appendedRules(batch.lines)
  if (appended.size < FEW_RULES || target.tables.some(hasDeadRules)) return undefined
  const left = new Set<Rule>()
  for (const table of target.tables) {
    for (const rule of repeatedRules(table, appended)) left.add(rule)
  }
  if (left.size === 0) return undefined
  const lines = batch.lines.filter(({ rule }) => rule === undefined || !left.has(rule))
  return {
    text: lines.map(({ text }) => `${text}\n`).join(''),
    target: {
      ...target,
      tables: target.tables.map((table) => ({
        ...table,
        chains: table.chains.map((chain) => without(left, chain)),
      })),
    },
  }
}

function hasDeadRules({ chains }: Table): boolean {
  return chains.some(({ rules }) => endOf(rules) < rules.length)
}

/** The rules of chains to which the batch only appends. */
function appendedRules(lines: readonly BatchLine[]): ReadonlySet<Rule> {
  const appended = new Map<string, Rule[]>()
  const others = new Set<string>()
  for (const { table, chain, rule, text } of lines) {
    if (chain === undefined || rule === undefined) continue
    const place = `${table} ${chain}`
    const rules = appended.get(place)
    if (!isAppend(text)) others.add(place)
    else if (rules === undefined) appended.set(place, [rule])
    else rules.push(rule)
  }
  return new Set([...appended].flatMap(([place, rules]) => (others.has(place) ? [] : rules)))
}

function isAppend(line: string): boolean {
  return line.startsWith('-A ') || (line.startsWith('[') && line.includes('] -A '))
}

/** Of each form, in each kind of place, all but the first. */
function repeatedRules(table: Table, appended: ReadonlySet<Rule>): readonly Rule[] {
  const { jumping, next } = jumpsIn(table)
  const hooks = reachingHooks(table.name, next)
  const rules = table.chains.map((chain) =>
    chain.rules.filter((rule) => appended.has(rule) && !jumping.has(rule) && !isShared(rule.text)),
  )
  const forms = formsOf(rules.flat().map((rule) => rule.text)).values()
  const known = new Set<string>()
  const kept = new Set<Rule>()
  const repeated: Rule[] = []
  for (const [index, { name }] of table.chains.entries()) {
    const place = placeOf(name, hooks)
    for (const rule of rules[index] ?? []) {
      const form = `${place}\n${forms.next().value}`
      if (!known.has(form)) kept.add(rule)
      else if (!kept.has(rule)) repeated.push(rule)
      known.add(form)
    }
  }
  return repeated
}

/** The rules that jump to chains of the table, and for each chain where they lead. */
function jumpsIn({ chains }: Table): {
  readonly jumping: ReadonlySet<Rule>
  readonly next: ReadonlyMap<string, readonly string[]>
} {
  const names = new Set(chains.map((chain) => chain.name))
  const jumping = new Set<Rule>()
  const next = new Map<string, string[]>()
  for (const { name, rules } of chains) {
    const leads: string[] = []
    for (const rule of rules) {
      const jump = jumpOf(rule)
      if (jump === undefined || !names.has(jump)) continue
      jumping.add(rule)
      leads.push(jump)
    }
    next.set(name, leads)
  }
  return { jumping, next }
}

function without(left: ReadonlySet<Rule>, chain: Chain): Chain {
  const rules = chain.rules.filter((rule) => !left.has(rule))
  return rules.length === chain.rules.length ? chain : { ...chain, rules }
}

/** For chains whose rules the kernel judges alike it is the same. */
function placeOf(chain: string, hooks: ReadonlyMap<string, readonly string[]>): string {
  const reaching = hooks.get(chain) ?? []
  return reaching.includes(chain) ? chain : `from ${reaching.join()}`
}

/** The built-in chains from which each chain is reached. */
function reachingHooks(
  table: TableName,
  next: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, readonly string[]> {
  const hooks = new Map<string, string[]>()
  for (const hook of BUILTIN_CHAINS[table]) {
    for (const chain of reached(hook, next)) hooks.set(chain, [...(hooks.get(chain) ?? []), hook])
  }
  return hooks
}

function reached(start: string, next: ReadonlyMap<string, readonly string[]>): Set<string> {
  const found = new Set([start])
  for (const chain of found) for (const name of next.get(chain) ?? []) found.add(name)
  return found
}

/**
 * What each rule says but for what may be left out of account; the rule itself where that can not be told
 * for certain. All at once, for that is much faster than one by one.
 */
export function formsOf(texts: readonly string[]): readonly string[] {
  let all = texts.join('\n')
  for (const [particulars, shape] of SHAPES) all = all.replace(particulars, shape)
  const forms = all.split('\n')
  // A comment may have a newline in it.
  if (forms.length !== texts.length) return texts
  // Inside of quotes anything may stand: a comment is taken away whole, or else the rule is left as it is.
  return forms.map((form, index) => (/["\\]/.test(form) ? (texts[index] as string) : form))
}

/** A rule, or a word in it, begins and ends with these. */
const [FROM, TO] = ['(?<![^ \\n])', '(?![^ \\n])']
/** Not the ends of the range of ports, which iptables may save otherwise. */
const INNER = '(?!(?:\\S*[,:])?(?:0|65535)(?!\\d))'

/** The length of a prefix stays: iptables writes other expressions for some. */
const SHAPES: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`${FROM}--comment (?:"[^"\\\\\\n]*"|[^ "\\\\\\n]+)${TO}`, 'g'), '--comment'],
  [new RegExp(`${FROM}(-[sd]) [\\da-f.:]+(/\\d+)${TO}`, 'g'), '$1 $2'],
  [new RegExp(`${FROM}(--[sd]ports?) ${INNER}[\\d,]+${TO}`, 'g'), '$1 *'],
  [new RegExp(`${FROM}(--[sd]ports?) ${INNER}[\\d,:]+${TO}`, 'g'), '$1 *:*'],
  [new RegExp(`${FROM}(--to-[a-z]+) [\\d.]+${TO}`, 'g'), '$1 *'],
  [new RegExp(`${FROM}(--to-[a-z]+) ${INNER}[\\d.]+:\\d+${TO}`, 'g'), '$1 *:*'],
]

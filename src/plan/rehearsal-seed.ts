/**
 * What a rehearsal starts out with: as much of the live rules as decides whether the kernel takes a
 * batch, and what the changed chains then hold.
 *
 * Goals, and how each is met (docs/decisions/0041):
 * 1. The lines of the batch find what they are about: the chains that change are there whole, and every
 *    chain that a rule in them jumps to is there, if only as a name.
 * 2. A rule that may not stand in a hook is found: so are the ways by which the changed chains are
 *    reached, which are the jumps in the chains before them, up to the built-in ones.
 * 3. So are loops, chains that are too deep, and rules that a new jump brings into a hook: what a new
 *    jump leads to is there whole, with all that follows.
 * 4. What else the kernel compares between rules, it compares by a name that they share (a rate
 *    estimator, a timer, a LED). Where a rule that changes has one, everything is there, of all tables.
 */
import { isBuiltinChain } from '../ruleset/hooks.ts'
import { type Chain, type Rule, type Ruleset, TABLES, type Table } from '../ruleset/model.ts'
import { STATEFUL_TARGETS } from './edit-cost.ts'
import { jumpOf } from './jump.ts'
import { findTable } from './state.ts'
import { namesIn, type TouchedChain } from './touched.ts'

/** Of the tables of `touched` alone, unless rules are compared by a name. */
export function rehearsalSeed(input: {
  readonly live: Ruleset
  readonly target: Ruleset
  readonly touched: readonly TouchedChain[]
}): Ruleset {
  const { live, target, touched } = input
  const changing = TABLES.flatMap((name) => {
    const changed = namesIn(touched, name)
    if (changed.size === 0) return []
    return [{ table: findTable(live, name), changed, goal: findTable(target, name) }]
  })
  // Rate estimators are those of the whole namespace.
  if (changing.some(({ table, changed, goal }) => needsAll(changed, table, goal))) return live
  const tables = changing.flatMap(({ table, changed, goal }) => {
    if (table === undefined) return []
    const isEmpty = table.chains.every((chain) => chain.rules.length === 0)
    return [isEmpty ? table : seedTable(changed, table, goal)]
  })
  return { family: live.family, tables }
}

/** Matches and targets that are refused for what another rule says of the same name. */
const SHARED_BY_NAME: readonly string[] = [
  ' -m rateest ',
  ...STATEFUL_TARGETS.map((name) => ` -j ${name} `),
]
const SHARED_NAMES: readonly string[] = ['rateest', ...STATEFUL_TARGETS]

/** Whether a rule that changes may be compared with any other. */
export function needsAll(
  changed: ReadonlySet<string>,
  live: Table | undefined,
  target: Table | undefined,
): boolean {
  return [live, target].some((table) =>
    table?.chains.some(
      (chain) => changed.has(chain.name) && chain.rules.some(({ text }) => isShared(text)),
    ),
  )
}

/** Whether the kernel compares a rule of this text with others. */
export function isShared(text: string): boolean {
  // Of most rules this tells at once that they are not.
  if (!SHARED_NAMES.some((name) => text.includes(name))) return false
  return SHARED_BY_NAME.some((words) => ` ${text} `.includes(words))
}

function seedTable(changed: ReadonlySet<string>, live: Table, target: Table | undefined): Table {
  const next = jumpsFrom(live, changedChains(changed, target))
  const whole = new Set([...changed, ...reachedAnew(changed, live, target)])
  const before = chainsBefore(whole, live)
  const named = new Set<string>()
  const kept = new Map<string, readonly Rule[]>()
  for (const { name, rules } of live.chains) {
    if (!whole.has(name) && !before.has(name)) continue
    // With the rule that ends a chain, and that hides those behind it.
    const end = endOf(rules)
    const own = whole.has(name)
      ? rules
      : rules.filter((rule, index) => index === end || leadsTo(rule, whole, before))
    kept.set(name, own)
    for (const rule of own) {
      const next = jumpOf(rule)
      if (next !== undefined) named.add(next)
    }
  }
  // The batch itself may name chains that nothing names yet.
  for (const name of changed) for (const one of next(name)) named.add(one)
  const chains = live.chains
    .filter(({ name }) => isBuiltinChain(live.name, name) || kept.has(name) || named.has(name))
    .map((chain): Chain => ({ ...chain, rules: kept.get(chain.name) ?? [] }))
  return { name: live.name, chains }
}

/** The chains to which there is a new way: what the chains that change will jump to, and all that follows. */
export function reachedAnew(
  changed: ReadonlySet<string>,
  live: Table,
  target: Table | undefined,
): ReadonlySet<string> {
  const found = new Set<string>()
  const next = jumpsFrom(live, changedChains(changed, target))
  follow(found, newJumps(changed, live, target), next)
  return found
}

function changedChains(changed: ReadonlySet<string>, target: Table | undefined): readonly Chain[] {
  return target?.chains.filter((chain) => changed.has(chain.name)) ?? []
}

/** The chains from which, over others or not, a rule leads into some; but for those themselves. */
function chainsBefore(whole: ReadonlySet<string>, live: Table): ReadonlySet<string> {
  const before = new Set<string>()
  // No rule jumps to a built-in chain.
  const usersOf = (names: ReadonlySet<string>): readonly string[] =>
    [...names].filter((name) => !isBuiltinChain(live.name, name))
  for (let users = usersOf(whole); users.length > 0; ) {
    const found = new Set<string>()
    const isLead = leadTo(users)
    for (const { name, rules } of live.chains) {
      if (!before.has(name) && rules.some(isLead)) found.add(name)
    }
    for (const name of found) before.add(name)
    users = usersOf(found)
  }
  return before
}

/** Whether a rule jumps to one of some chains. */
function leadTo(names: readonly string[]): (rule: Rule) => boolean {
  const [first, ...more] = names
  const known = new Set(names)
  const isThere = (rule: Rule): boolean => known.has(jumpOf(rule) ?? '')
  if (first === undefined || more.length >= FEW_NAMES) return isThere
  // Most rules do not even have the letters, which is told much faster than where they jump to.
  return (rule) =>
    (rule.text.includes(first) ||
      more.some((name) => rule.text.includes(name)) ||
      isEscaped(rule)) &&
    isThere(rule)
}

const FEW_NAMES = 4

function isEscaped({ text }: Rule): boolean {
  return text.includes('\\')
}

function leadsTo(rule: Rule, whole: ReadonlySet<string>, before: ReadonlySet<string>): boolean {
  const name = jumpOf(rule)
  return name !== undefined && (whole.has(name) || before.has(name))
}

/**
 * The index of the first rule that ends a chain for every packet and has others behind it; else their number.
 * On legacy the kernel has not looked at those behind it, nor where they lead, if nothing else does.
 */
export function endOf(rules: readonly Rule[]): number {
  const end = rules.findIndex(({ text }) => ENDING.test(text))
  return end < 0 || end === rules.length - 1 ? rules.length : end
}

/** Without any match, a comment included. */
const ENDING = /^(?:-j (?:ACCEPT|DROP|RETURN|QUEUE)|-g \S+)$/

/** What chains that change will jump to and, as far as the kernel has seen, do not yet. */
function newJumps(
  changed: ReadonlySet<string>,
  live: Table,
  target: Table | undefined,
): readonly string[] {
  return [...changed].flatMap((name) => {
    const found = live.chains.find((chain) => chain.name === name)
    const had = jumpsOf(found && { ...found, rules: found.rules.slice(0, endOf(found.rules) + 1) })
    const gets = jumpsOf(target?.chains.find((chain) => chain.name === name))
    return [...gets].filter((next) => !had.has(next))
  })
}

/** Where the rules of a chain jump, as it is and as it will be. */
function jumpsFrom(live: Table, goals: readonly Chain[]): (name: string) => ReadonlySet<string> {
  const chains = new Map(live.chains.map((chain) => [chain.name, chain]))
  return (name) =>
    new Set([...jumpsOf(chains.get(name)), ...jumpsOf(goals.find((chain) => chain.name === name))])
}

function follow(
  found: Set<string>,
  start: readonly string[],
  next: (name: string) => Iterable<string>,
): void {
  const open = [...start]
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue
    found.add(name)
    open.push(...next(name))
  }
}

function jumpsOf(chain: Chain | undefined): ReadonlySet<string> {
  const names = new Set<string>()
  for (const rule of chain?.rules ?? []) {
    const name = jumpOf(rule)
    if (name !== undefined) names.add(name)
  }
  return names
}

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
 *    estimator, a timer, a LED). Where a rule that changes has one, everything is there.
 */
import { isBuiltinChain } from '../ruleset/hooks.ts'
import type { Chain, Rule, Ruleset, Table } from '../ruleset/model.ts'
import { STATEFUL_TARGETS } from './edit-cost.ts'
import { findTable } from './state.ts'
import type { TouchedChain } from './touched.ts'

/** Of the tables of `touched` alone. */
export function rehearsalSeed(input: {
  readonly live: Ruleset
  readonly target: Ruleset
  readonly touched: readonly TouchedChain[]
}): Ruleset {
  const { live, target, touched } = input
  const tables = live.tables.flatMap((table): Table[] => {
    const names = touched.filter((one) => one.table === table.name).map((one) => one.chain)
    if (names.length === 0) return []
    if (table.chains.every((chain) => chain.rules.length === 0)) return [table]
    const changed = new Set(names)
    const goal = findTable(target, table.name)
    return [needsAll(changed, table, goal) ? table : seedTable(changed, table, goal)]
  })
  return { family: live.family, tables }
}

/** Matches and targets that are refused for what another rule says of the same name. */
const SHARED_BY_NAME: readonly string[] = [
  ' -m rateest ',
  ...STATEFUL_TARGETS.map((name) => ` -j ${name} `),
]
const SHARED_NAMES: readonly string[] = ['rateest', ...STATEFUL_TARGETS]

function needsAll(changed: ReadonlySet<string>, live: Table, target: Table | undefined): boolean {
  return [live, target].some((table) =>
    table?.chains.some(
      (chain) => changed.has(chain.name) && chain.rules.some(({ text }) => isShared(text)),
    ),
  )
}

function isShared(text: string): boolean {
  // Of most rules this tells at once that they are not.
  if (!SHARED_NAMES.some((name) => text.includes(name))) return false
  return SHARED_BY_NAME.some((words) => ` ${text} `.includes(words))
}

function seedTable(changed: ReadonlySet<string>, live: Table, target: Table | undefined): Table {
  const goals = target?.chains.filter((chain) => changed.has(chain.name)) ?? []
  const graph = jumpGraph([...live.chains, ...goals])
  const whole = new Set(changed)
  follow(whole, newJumps(changed, live, target), (name) => graph.to.get(name))
  const before = new Set<string>()
  follow(
    before,
    [...whole].flatMap((name) => [...(graph.from.get(name) ?? [])]),
    (name) => graph.from.get(name),
  )
  const named = new Set<string>()
  const kept = live.chains.map((chain): Chain => {
    const rules = whole.has(chain.name)
      ? chain.rules
      : before.has(chain.name)
        ? chain.rules.filter((rule) => leadsTo(rule, whole, before))
        : []
    for (const rule of rules) {
      const name = jumpOf(rule)
      if (name !== undefined) named.add(name)
    }
    return { ...chain, rules }
  })
  // The batch itself may name chains that nothing names yet.
  for (const name of changed) for (const next of graph.to.get(name) ?? []) named.add(next)
  return {
    name: live.name,
    chains: kept.filter(
      ({ name }) =>
        isBuiltinChain(live.name, name) || whole.has(name) || before.has(name) || named.has(name),
    ),
  }
}

function leadsTo(rule: Rule, whole: ReadonlySet<string>, before: ReadonlySet<string>): boolean {
  const name = jumpOf(rule)
  return name !== undefined && (whole.has(name) || before.has(name))
}

/** What chains that change will jump to and do not yet. */
function newJumps(
  changed: ReadonlySet<string>,
  live: Table,
  target: Table | undefined,
): readonly string[] {
  return [...changed].flatMap((name) => {
    const had = jumpsOf(live.chains.find((chain) => chain.name === name))
    const gets = jumpsOf(target?.chains.find((chain) => chain.name === name))
    return [...gets].filter((next) => !had.has(next))
  })
}

interface JumpGraph {
  readonly to: ReadonlyMap<string, ReadonlySet<string>>
  readonly from: ReadonlyMap<string, ReadonlySet<string>>
}

/** Of chains as they are, and as they will be. */
function jumpGraph(chains: readonly Chain[]): JumpGraph {
  const to = new Map<string, Set<string>>()
  const from = new Map<string, Set<string>>()
  for (const chain of chains) {
    for (const next of jumpsOf(chain)) {
      add(to, chain.name, next)
      add(from, next, chain.name)
    }
  }
  return { to, from }
}

function add(sets: Map<string, Set<string>>, key: string, value: string): void {
  const known = sets.get(key)
  if (known === undefined) sets.set(key, new Set([value]))
  else known.add(value)
}

function follow(
  found: Set<string>,
  start: readonly string[],
  next: (name: string) => Iterable<string> | undefined,
): void {
  const open = [...start]
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue
    found.add(name)
    open.push(...(next(name) ?? []))
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

/** The chain, or the target, that a rule goes on to. Reading every rule would take longer than all else. */
function jumpOf(rule: Rule): string | undefined {
  const { text } = rule
  if (!text.includes('"')) return jumpIn(text)
  // Inside of quotes anything may stand, and a backslash may keep them open.
  if (text.includes('\\')) return rule.spec.target?.name
  return text
    .split('"')
    .filter((_, index) => index % 2 === 0)
    .map(jumpIn)
    .find((name) => name !== undefined)
}

function jumpIn(text: string): string | undefined {
  const start = flagEnd(text, '-j ') ?? flagEnd(text, '-g ')
  if (start === undefined) return undefined
  const end = text.indexOf(' ', start)
  return end < 0 ? text.slice(start) : text.slice(start, end)
}

function flagEnd(text: string, flag: string): number | undefined {
  const at = text.lastIndexOf(` ${flag}`)
  if (at >= 0) return at + 1 + flag.length
  return text.startsWith(flag) ? flag.length : undefined
}

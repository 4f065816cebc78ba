/**
 * In which order the tables of a family change. The kernel takes one table at a time, so between two
 * of them it holds a state that is neither the one before nor the one after.
 *
 * The promise: until one of the tables, the pivot, is committed, no state lets in more than the one
 * before the change; from then on, none lets in more than the one after it. A packet that both of them
 * refuse is refused all the way.
 *
 * How it is met: a change of one table is atomic and needs no order. Of several tables, those that only
 * deny more (rules that drop come, rules that accept go, a policy becomes DROP) come first, and those
 * that only accept more come last. Of those that do both, one changes at once in between, which is
 * filter if it is among them. Any other one is split: what it denies in a block of its own at first,
 * and the rest at last, in the order in which a packet meets the tables. A rule that accepts and moves
 * stands at the later of its two places in between; one whose matches change is not there for these
 * few milliseconds. A table that was wide open can only be shut, and one that will be only be opened.
 *
 * What is not promised: what nat, mangle and raw do to a packet (DNAT, marks, NOTRACK) decides what
 * filter sees. These changes come after the pivot: a forwarded port is there after the rule that lets
 * it in, unless filter does nothing but open up, and it goes after that rule has gone. And a jump or
 * RETURN whose coming or going lets some packets in and shuts others out is part of the rest of a
 * table that is split: shutting out all that it concerns would cut off too much.
 */
import {
  type Chain,
  type Rule,
  type Ruleset,
  TABLES,
  type Table,
  type TableName,
} from '../ruleset/model.ts'
import { ruleWith } from '../ruleset/rule-with.ts'
import { type ChainPair, pairChains } from './diff.ts'
import { carried } from './edit-lines.ts'
import { type ChainEdits, chainEdits } from './edits.ts'
import { type Effect, effectsIn } from './effect.ts'
import { findTable } from './state.ts'

/** One block of a batch: what its table is before and after it. */
export interface Step {
  readonly table: TableName
  readonly live: Table | undefined
  readonly target: Table | undefined
}

/** The blocks for several tables in their order. Some of them may turn out to change nothing. */
export function commitSteps(live: Ruleset, target: Ruleset): readonly Step[] {
  const steps = TABLES.map((table) => {
    const way = { table, live: findTable(live, table), target: findTable(target, table) }
    return { ...way, changes: changesOf(way, live, target) }
  }).filter((step) => step.live !== undefined || step.target !== undefined)
  const deciding = steps.filter((step) => step.changes !== 'none')
  if (deciding.length < 2) return steps.map(({ changes: _, ...step }) => step)

  const pivot = PIVOTS.find((table) => steps.some((step) => step.table === table && isBoth(step)))
  const first: Step[] = []
  const middle: Step[] = []
  const rest: Step[] = []
  for (const { changes, ...step } of steps) {
    if (step.table === pivot) middle.push(step)
    else if (changes === 'deny') first.push(step)
    else if (!isBoth({ changes })) rest.push(step)
    else {
      const goal = withCounters(step)
      const floor = floorOf({ ...step, target: goal }, live, target)
      first.push({ ...step, target: floor })
      rest.push({ ...step, live: floor, target: goal })
    }
  }
  return [...first, ...middle, ...rest]
}

/** Which of the tables that deny and accept changes at once. */
const PIVOTS: readonly TableName[] = ['filter', 'security', 'mangle', 'raw', 'nat']

function isBoth({ changes }: { readonly changes: Effect }): boolean {
  return changes === 'mixed' || changes === 'other'
}

/** What the changes of a table do to the packets that get through it, all together. */
function changesOf(step: Step, live: Ruleset, target: Ruleset): Effect {
  const before = effectsIn(live, step.table)
  const after = effectsIn(target, step.table)
  const found = new Set<Effect>()
  for (const pair of pairChains(step.table, step.live, step.target)) {
    if (pair.live?.policy !== pair.target?.policy && pair.isBuiltin) {
      found.add(pair.target?.policy === 'DROP' ? 'deny' : 'accept')
    }
    const rules = { live: pair.live?.rules ?? [], target: pair.target?.rules ?? [] }
    const { fates, sources } = chainEdits(rules.live, rules.target)
    for (const [index, fate] of fates.entries()) {
      if (fate.kind !== 'keep') found.add(opposite(before(rules.live[index] as Rule, pair.name)))
    }
    for (const [index, source] of sources.entries()) {
      if (source.kind !== 'keep') found.add(after(rules.target[index] as Rule, pair.name))
    }
  }
  found.delete('none')
  if (found.size === 0) return 'none'
  const isTransforming = found.has('other')
  if (!isTransforming && isOpen(step.live, before)) return 'deny'
  if (!isTransforming && isOpen(step.target, after)) return 'accept'
  const [only = 'none'] = found
  return found.size > 1 ? 'mixed' : only
}

function opposite(effect: Effect): Effect {
  return effect === 'deny' ? 'accept' : effect === 'accept' ? 'deny' : effect
}

/** Whether every packet gets through, and as it came. */
function isOpen(
  table: Table | undefined,
  effectOf: (rule: Rule, chain: string) => Effect,
): boolean {
  return (table?.chains ?? []).every(
    (chain) =>
      chain.policy !== 'DROP' &&
      chain.rules.every((rule) => ['accept', 'none'].includes(effectOf(rule, chain.name))),
  )
}

/** The table as it is, without what it will not accept, with what it will deny. */
function floorOf(step: Step, live: Ruleset, target: Ruleset): Table {
  const before = effectsIn(live, step.table)
  const after = effectsIn(target, step.table)
  const needed = new Set<string>()
  const chains = pairChains(step.table, step.live, step.target).flatMap((pair): Chain[] => {
    if (pair.live === undefined) return []
    return [floorChain(pair, { before, after, needed })]
  })
  const added = (step.target?.chains ?? []).filter(
    (chain) => isReached(chain.name, step.target, needed) && !has(step.live, chain.name),
  )
  return { name: step.table, chains: [...chains, ...added] }
}

function floorChain(
  pair: ChainPair,
  context: {
    readonly before: (rule: Rule, chain: string) => Effect
    readonly after: (rule: Rule, chain: string) => Effect
    /** Takes the chains that new rules of the floor jump to. */
    readonly needed: Set<string>
  },
): Chain {
  const { before, after, needed } = context
  const live = pair.live as Chain
  const goal = pair.target?.rules ?? []
  const edits = chainEdits(live.rules, goal)
  const rules: Rule[] = []
  let from = 0
  for (const gap of edits.gaps) {
    rules.push(...live.rules.slice(from, gap.liveStart))
    const late: Rule[] = []
    for (let i = gap.liveStart; i < gap.liveEnd; i++) {
      const rule = live.rules[i] as Rule
      if (before(rule, pair.name) !== 'accept') rules.push(rule)
      else {
        // Of its two places the later one, where all have denied that will, or that have so far.
        const to = comesBack(edits, i, { live: live.rules, goal })
        if (to !== undefined && to < gap.targetStart) rules.push(rule)
        if (to !== undefined && to >= gap.targetStart && to < gap.targetEnd) late.push(rule)
      }
    }
    for (let to = gap.targetStart; to < gap.targetEnd; to++) {
      const rule = goal[to] as Rule
      const source = edits.sources[to]
      if (after(rule, pair.name) === 'deny') {
        rules.push(rule)
        if (rule.spec.target !== undefined) needed.add(rule.spec.target.name)
      } else if (source?.kind === 'move' || source?.kind === 'change') {
        const i = source.live
        const isEarlier = i < gap.liveStart && before(live.rules[i] as Rule, pair.name) === 'accept'
        if (isEarlier && comesBack(edits, i, { live: live.rules, goal }) === to) {
          rules.push(live.rules[i] as Rule)
        }
      }
    }
    rules.push(...late)
    from = gap.liveEnd
  }
  rules.push(...live.rules.slice(from))
  const isShut = pair.target?.policy === 'DROP' || live.policy === 'DROP'
  return { ...live, ...(pair.isBuiltin ? { policy: isShut ? 'DROP' : 'ACCEPT' } : {}), rules }
}

/** Where a rule that moves, or gets another comment, stands in the end: it lets in what it did. */
function comesBack(
  edits: ChainEdits,
  from: number,
  { live, goal }: { readonly live: readonly Rule[]; readonly goal: readonly Rule[] },
): number | undefined {
  const fate = edits.fates[from]
  if (fate?.kind === 'move') return fate.target
  if (fate?.kind !== 'change') return undefined
  const [was, will] = [live[from] as Rule, goal[fate.target] as Rule]
  return withoutComments(was) === withoutComments(will) ? fate.target : undefined
}

function withoutComments({ spec }: Rule): string {
  return JSON.stringify({
    ...spec,
    matches: spec.matches.filter((match) => match.module !== 'comment'),
  })
}

/** Whether one of the needed chains is it or leads to it. */
function isReached(name: string, table: Table | undefined, needed: ReadonlySet<string>): boolean {
  const open = [...needed]
  const seen = new Set(open)
  for (let chain = open.pop(); chain !== undefined; chain = open.pop()) {
    if (chain === name) return true
    for (const rule of table?.chains.find((one) => one.name === chain)?.rules ?? []) {
      const next = rule.spec.target?.name
      if (next === undefined || seen.has(next)) continue
      seen.add(next)
      open.push(next)
    }
  }
  return false
}

function has(table: Table | undefined, chain: string): boolean {
  return table?.chains.some((one) => one.name === chain) ?? false
}

/** A rule that goes at first and comes back at last keeps its counters on the way. */
function withCounters({ table, live, target }: Step): Table | undefined {
  if (target === undefined) return undefined
  const pairs = pairChains(table, live, target)
  return {
    ...target,
    chains: target.chains.map((chain) => {
      const found = pairs.find((pair) => pair.name === chain.name)?.live?.rules
      if (found === undefined) return chain
      const { sources } = chainEdits(found, chain.rules)
      const rules = chain.rules.map((rule, index): Rule => {
        const counters = carried(rule, sources[index], found)
        return counters === undefined || counters === rule.counters
          ? rule
          : ruleWith(rule, { counters })
      })
      return { ...chain, rules }
    }),
  }
}

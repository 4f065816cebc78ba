import {
  type Chain,
  type Rule,
  type Ruleset,
  TABLES,
  type Table,
  type TableName,
} from '../ruleset/model.ts'
import type { Change } from './change.ts'
import { type ChainEdits, chainEdits, type Gap, haveSameTexts } from './edits.ts'
import { builtinChains, findTable } from './state.ts'

/** One chain of live beside its namesake in the target; a user-defined one may lack either. */
export interface ChainPair {
  readonly name: string
  readonly isBuiltin: boolean
  readonly live?: Chain
  readonly target?: Chain
}

/** What differs, by table, chain and position: in the order in which it is shown. */
export function diffRulesets(live: Ruleset, target: Ruleset): readonly Change[] {
  return TABLES.flatMap((table) =>
    pairChains(table, findTable(live, table), findTable(target, table)).flatMap((pair) =>
      diffChain(table, pair),
    ),
  )
}

/**
 * Built-in chains in hook order, then the target's user-defined chains, then those that go. A
 * built-in chain without a policy in the target keeps the live one.
 */
export function pairChains(
  name: TableName,
  live: Table | undefined,
  target: Table | undefined,
): readonly ChainPair[] {
  if (live === undefined || target === undefined) return findPairs(name, live, target)
  const known = KNOWN.get(live)?.get(target)
  if (known !== undefined) return known
  const pairs = findPairs(name, live, target)
  const ofLive = KNOWN.get(live) ?? new WeakMap()
  KNOWN.set(live, ofLive.set(target, pairs))
  return pairs
}

/** What is shown and what is run is made from the same tables. */
const KNOWN = new WeakMap<Table, WeakMap<Table, readonly ChainPair[]>>()

function findPairs(
  name: TableName,
  live: Table | undefined,
  target: Table | undefined,
): readonly ChainPair[] {
  if (live === undefined && target === undefined) return []
  const targets = new Map(target?.chains.map((chain) => [chain.name, chain]))
  const lives = new Map(live?.chains.map((chain) => [chain.name, chain]))
  const pairs: ChainPair[] = builtinChains(live, name).map((found) => {
    // A table or chain that the target does not have: no rules, and the policy that it starts with.
    const goal = targets.get(found.name) ?? { name: found.name, policy: 'ACCEPT', rules: [] }
    const policy = goal.policy ?? found.policy ?? 'ACCEPT'
    return { name: found.name, isBuiltin: true, live: found, target: { ...goal, policy } }
  })
  const builtins = new Set(pairs.map((pair) => pair.name))
  for (const chain of targets.values()) {
    if (builtins.has(chain.name)) continue
    const found = lives.get(chain.name)
    const { name } = chain
    pairs.push(
      found === undefined
        ? { name, isBuiltin: false, target: chain }
        : { name, isBuiltin: false, live: found, target: chain },
    )
  }
  for (const chain of lives.values()) {
    if (builtins.has(chain.name) || targets.has(chain.name)) continue
    pairs.push({ name: chain.name, isBuiltin: false, live: chain })
  }
  return pairs
}

function diffChain(table: TableName, pair: ChainPair): Change[] {
  const { live, target } = pair
  const at = { table, chain: pair.name }
  const changes: Change[] = []
  if (live === undefined && target !== undefined) {
    changes.push({ kind: 'chain-add', ...at, after: target })
  }
  if (live !== undefined && target === undefined) {
    changes.push({ kind: 'chain-remove', ...at, before: live })
  }
  if (live !== undefined && target !== undefined && live.policy !== target.policy) {
    changes.push({ kind: 'policy-change', ...at, before: live, after: target })
  }
  const rules = { live: live?.rules ?? [], target: target?.rules ?? [] }
  if (haveSameTexts(rules.live, rules.target)) return changes
  const edits = chainEdits(rules.live, rules.target)
  for (const gap of edits.gaps) changes.push(...gapChanges({ at, ...rules, edits, gap }))
  return changes
}

/** In the order of the target; a rule that goes stands before what comes in its place. */
function gapChanges(input: {
  readonly at: { readonly table: TableName; readonly chain: string }
  readonly live: readonly Rule[]
  readonly target: readonly Rule[]
  readonly edits: ChainEdits
  readonly gap: Gap
}): Change[] {
  const { at, live, target, edits, gap } = input
  const changes: Change[] = []
  let next = gap.liveStart
  const removeUntil = (end: number): void => {
    for (; next < end; next++) {
      if (edits.fates[next]?.kind !== 'remove') continue
      const before = live[next] as Rule
      changes.push({ kind: 'rule-remove', ...at, livePosition: next + 1, before })
    }
  }
  const added: Change[] = []
  const flush = (): void => void changes.push(...added.splice(0))
  for (let j = gap.targetStart; j < gap.targetEnd; j++) {
    const source = edits.sources[j]
    const after = target[j] as Rule
    const targetPosition = j + 1
    if (source === undefined || source.kind === 'keep') continue
    if (source.kind === 'add') {
      added.push({ kind: 'rule-add', ...at, targetPosition, after })
      continue
    }
    const before = live[source.live] as Rule
    const places = { livePosition: source.live + 1, targetPosition, before, after }
    if (source.kind === 'move') {
      added.push({ kind: 'rule-move', ...at, ...places })
      continue
    }
    removeUntil(source.live)
    flush()
    changes.push({ kind: 'rule-change', ...at, ...places })
  }
  removeUntil(gap.liveEnd)
  flush()
  return changes
}

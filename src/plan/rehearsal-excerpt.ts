/**
 * What is left of an edit of long chains when the rules that stay as they are are left out, and the numbers
 * of the batch count those that are left. It takes as long to load and to list a chain of thousands of rules
 * as to load a whole host, and the kernel has taken them already.
 *
 * Goals, and how each is met (docs/decisions/0046):
 * 1. Every line of the batch is there, with the rule that it writes and the one that it hits: only its
 *    number is another one. What it is in the excerpt follows from the rules that stay, so a number that is
 *    wrong in the batch is as wrong in its excerpt.
 * 2. The verdict is that of the whole batch. A rule that stays was taken by the kernel where it is; what can
 *    speak against it is a new way to its chain, or another rule of a name that it shares. Chains and
 *    tables with those stay whole, and so do all jumps: loops, and chains that are too deep, are seen.
 *    (On legacy the kernel does not look behind a rule that ends a chain for every packet: that rule stays,
 *    and all that it has not seen.)
 * 3. iptables finds the same rules. One that it might take for a rule that goes (by-value.ts) stays, too.
 * 4. Of a chain that is flushed and written anew, nothing of what is live matters.
 */
import type { Chain, Ruleset, Table } from '../ruleset/model.ts'
import type { Batch, BatchLine } from './batch.ts'
import { likeness } from './by-value.ts'
import { chainEdits } from './edits.ts'
import { jumpOf } from './jump.ts'
import { endOf, needsAll, reachedAnew } from './rehearsal-seed.ts'
import { findTable } from './state.ts'
import { namesIn, type TouchedChain } from './touched.ts'

/** An edit of fewer rules, whose verdict is the same. */
export interface RehearsalExcerpt {
  readonly live: Ruleset
  readonly target: Ruleset
  readonly batch: Batch
}

/** With fewer rules to leave out of a chain, it is loaded as fast as it is. */
const FEW_RULES = 200

/**
 * `batch` with its numbers as in the plan, not guarded. Undefined: no chain is long enough, or several tables
 * change, of which one may do so in two steps that have numbers of their own.
 */
export function rehearsalExcerpt(input: {
  readonly live: Ruleset
  readonly target: Ruleset
  readonly touched: readonly TouchedChain[]
  readonly batch: Batch
}): RehearsalExcerpt | undefined {
  const { live, target, touched, batch } = input
  if (batch.tables.length !== 1) return undefined
  const shortened = new Map<string, ShortChain>()
  const flushed = new Set(
    batch.lines.flatMap(({ text, chain = '' }) => (text === `-F ${chain}` ? [chain] : [])),
  )
  for (const table of live.tables) {
    const goal = findTable(target, table.name)
    const changed = namesIn(touched, table.name)
    for (const short of goal ? shortChains(changed, table, goal, flushed) : []) {
      shortened.set(`${table.name} ${short.live.name}`, short)
    }
  }
  if (shortened.size === 0) return undefined
  const lines = batch.lines.map((line) => {
    const short = shortened.get(`${line.table} ${line.chain}`)
    return short === undefined ? line : renumbered(line, short)
  })
  return {
    live: withChains(live, (place) => shortened.get(place)?.live),
    target: withChains(target, (place) => shortened.get(place)?.target),
    batch: { ...batch, lines, text: lines.map(({ text }) => `${text}\n`).join('') },
  }
}

/** A chain without the rules that stay as they are, and the numbers that the others have in it. */
interface ShortChain {
  readonly live: Chain
  readonly target: Chain
  /** By the numbers in the whole chain, from 1. */
  readonly liveNumbers: readonly number[]
  readonly targetNumbers: readonly number[]
}

function shortChains(
  changed: ReadonlySet<string>,
  live: Table,
  target: Table,
  flushed: ReadonlySet<string>,
): readonly ShortChain[] {
  const long = live.chains.filter(
    ({ name, rules }) => changed.has(name) && rules.length >= FEW_RULES,
  )
  if (long.length === 0 || needsAll(changed, live, target)) return []
  const anew = reachedAnew(changed, live, target)
  const names = new Set([...live.chains, ...target.chains].map((chain) => chain.name))
  return long.flatMap((chain) => {
    const goal = target.chains.find(({ name }) => name === chain.name)
    if (goal === undefined) return []
    if (flushed.has(chain.name)) return [flushedChain(chain, goal)]
    if (anew.has(chain.name)) return []
    const short = shortChain(chain, goal, names)
    return chain.rules.length - short.live.rules.length < FEW_RULES ? [] : [short]
  })
}

function flushedChain(live: Chain, target: Chain): ShortChain {
  return { live: { ...live, rules: [] }, target, liveNumbers: [], targetNumbers: [] }
}

function shortChain(live: Chain, target: Chain, names: ReadonlySet<string>): ShortChain {
  const { fates } = chainEdits(live.rules, target.rules)
  const end = endOf(live.rules)
  const going = live.rules.filter((_, index) => fates[index]?.kind !== 'keep')
  const likeGoing = new Set(going.map(({ text }) => likeness(text)))
  const left = new Set<number>()
  const isLeft = live.rules.map((rule, index) => {
    const fate = fates[index]
    if (fate?.kind !== 'keep' || index >= end) return false
    if (names.has(jumpOf(rule) ?? '') || likeGoing.has(likeness(rule.text))) return false
    left.add(fate.target)
    return true
  })
  return {
    live: { ...live, rules: live.rules.filter((_, index) => !isLeft[index]) },
    target: { ...target, rules: target.rules.filter((_, index) => !left.has(index)) },
    liveNumbers: numbersOf(live.rules.length, (index) => isLeft[index] === true),
    targetNumbers: numbersOf(target.rules.length, (index) => left.has(index)),
  }
}

/** At each number of the whole, the number that a rule there has once those before it are left out. */
function numbersOf(count: number, isLeft: (index: number) => boolean): readonly number[] {
  const numbers = [0]
  let next = 1
  for (let index = 0; index < count; index++) {
    numbers.push(next)
    if (!isLeft(index)) next++
  }
  return numbers
}

/**
 * Rules are hit by their numbers in the chain as it is live, and inserted at those in the chain as it will
 * be (plan/batch.ts, goal 3).
 */
function renumbered(line: BatchLine, short: ShortChain): BatchLine {
  const { hits, at } = line
  if (hits !== undefined) {
    const position = short.liveNumbers[hits.position] as number
    return { ...line, text: withNumber(line.text, position), hits: { ...hits, position } }
  }
  if (at === undefined) return line
  const position = short.targetNumbers[at] as number
  return { ...line, text: withNumber(line.text, position), at: position }
}

function withNumber(text: string, number: number): string {
  return text.replace(/^((?:\[\d+:\d+\] )?-[RDI] \S+ )\d+/, `$1${number}`)
}

function withChains(ruleset: Ruleset, shortened: (place: string) => Chain | undefined): Ruleset {
  const tables = ruleset.tables.map((table) => ({
    ...table,
    chains: table.chains.map((chain) => shortened(`${table.name} ${chain.name}`) ?? chain),
  }))
  return { ...ruleset, tables }
}

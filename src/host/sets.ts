/** The ipsets of the host: read, changed, checked. */
import { FwctlError } from '../base/error.ts'
import { type SetBatch, setBatch } from '../ipset/batch.ts'
import { diffSets, type SetChange } from '../ipset/diff.ts'
import { parseSets } from '../ipset/save.ts'
import { type LiveSet, type LiveSets, type SetGoal, TEMPORARY_PREFIX } from '../ipset/set.ts'
import { describeResult, type Executor } from './executor.ts'

/** `ipset restore` of 100,000 entries takes half a second. */
const IPSET_TIMEOUT_MS = 120_000

/** What the sets should be: of a plan, or of a way back. */
export interface SetsTarget {
  readonly goals: readonly SetGoal[]
  /** Sets that go. */
  readonly removals: readonly string[]
}

/** The way from the sets that are there to a target. */
export interface SetsEdit extends SetsTarget {
  readonly before: LiveSets
  readonly changes: readonly SetChange[]
  readonly batch: SetBatch
}

/**
 * The wanted sets that the host has, and what a killed fwctl may have left of its own. Throws
 * FwctlError `missing-program`, `no-permission` or `live-unreadable`.
 */
export async function readSets(
  executor: Executor,
  wanted: Iterable<string>,
  signal?: AbortSignal,
): Promise<LiveSets> {
  const names = new Set(wanted)
  if ((await executor.find('ipset')) === undefined) {
    throw new FwctlError(
      'missing-program',
      `The policy is about ipsets, and there is no ipset on ${executor.label}. Install the ipset ` +
        'package. Nothing was changed.',
    )
  }
  const run = async (args: readonly string[]): Promise<string> => {
    const result = await executor.run({
      program: 'ipset',
      args,
      timeoutMs: IPSET_TIMEOUT_MS,
      signal,
    })
    if (result.status === 0) return result.stdout
    const isForbidden = /operation not permitted|permission denied/i.test(result.stderr)
    throw new FwctlError(
      isForbidden ? 'no-permission' : 'live-unreadable',
      `ipset ${args.join(' ')} failed on ${executor.label} (${describeResult(result)}). Nothing was changed.`,
    )
  }
  const [dump, listing] = await Promise.all([run(['save']), run(['list', '-terse'])])
  const isWanted = (name: string): boolean => names.has(name) || name.startsWith(TEMPORARY_PREFIX)
  const { sets, unreadable } = parseSets(dump, isWanted)
  if (unreadable.length > 0) {
    throw new FwctlError(
      'live-unreadable',
      `What ipset save printed on ${executor.label} can not be read: "${unreadable[0]}". Nothing was changed.`,
    )
  }
  return withReferences(sets, listing)
}

/** Sets that a killed fwctl has left behind. */
export function leftovers(live: LiveSets): readonly string[] {
  return [...live.keys()].filter((name) => name.startsWith(TEMPORARY_PREFIX))
}

/** The edit that leads to the target; undefined when everything is as it should be. */
export function planSetsEdit(live: LiveSets, target: SetsTarget): SetsEdit | undefined {
  const { goals, removals } = target
  const changes = diffSets(live, goals, removals)
  if (changes.length === 0) return undefined
  return { goals, removals, before: live, changes, batch: setBatch(changes, leftovers(live)) }
}

/** The edit of a plan; undefined when it changes no set. */
export function setsEditOf(
  plan: Pick<SetsEdit, 'goals' | 'removals' | 'changes'>,
): SetsEdit | undefined {
  const { goals, removals, changes } = plan
  if (changes.length === 0) return undefined
  const before = changes.flatMap((change) => ('before' in change ? [change.before] : []))
  const byName = new Map(before.map((set) => [set.name, set]))
  return { goals, removals, changes, before: byName, batch: setBatch(changes) }
}

/** The sets that an edit changes, as they were before it. */
export function setsWayBack({ changes, before }: SetsEdit): SetsTarget {
  const goals = changes.flatMap((change): SetGoal[] => {
    const was = before.get(change.name)
    return was === undefined ? [] : [goalOf(was, change)]
  })
  const known = new Set(goals.map((goal) => goal.set.name))
  const removals = changes.map((change) => change.name).filter((name) => !known.has(name))
  return { goals, removals }
}

/** Where the entries are others', they have gone on changing them. */
function goalOf({ name, header, entries }: LiveSet, change: SetChange): SetGoal {
  const isOurs = change.kind === 'set-remove' || change.goal.contents === 'exact'
  return { set: { name, header, entries }, contents: isOurs ? 'exact' : 'shared' }
}

/** Runs one half of a batch. Undefined when that went well, else why it did not. */
export async function runSets(executor: Executor, text: string): Promise<string | undefined> {
  if (text === '') return undefined
  const result = await executor.run({
    program: 'ipset',
    args: ['restore'],
    input: text,
    timeoutMs: IPSET_TIMEOUT_MS,
  })
  if (result.status === 0) return undefined
  const line = /line (\d+)/.exec(result.stderr)?.[1]
  const culprit = line === undefined ? undefined : text.split('\n')[Number(line) - 1]
  const where = culprit === undefined ? '' : ` at "${culprit}"`
  return `ipset restore refused the sets${where}: ${describeResult(result).replace(/\s+/g, ' ')}`
}

/** Reads back. Undefined when the sets are what they should be, else what is wrong. */
export async function verifySets(
  executor: Executor,
  { goals, removals, changes }: SetsEdit,
): Promise<string | undefined> {
  const names = changes.map((change) => change.name)
  const live = await readSets(executor, names)
  const touched = goals.filter((goal) => names.includes(goal.set.name))
  const wrong = diffSets(live, touched, removals).filter((change) => !hasOnlyExpired(change))
  if (wrong.length === 0) return undefined
  return `the sets read back are not what they should be: ${wrong.map((one) => one.name).join(', ')}`
}

/** What only lasts for a moment may be gone by the time that we look. */
const MOMENT_SECONDS = 120

function hasOnlyExpired(change: SetChange): boolean {
  if (change.kind !== 'set-change' || change.reordered) return false
  const { added, removed, changed, goal } = change
  const isShort = (timeout: number): boolean => timeout > 0 && timeout <= MOMENT_SECONDS
  return (
    removed.length + changed.length === 0 &&
    added.every((entry) => isShort(entry.timeout ?? goal.set.header.timeout ?? 0))
  )
}

/** Removes what a killed fwctl has left behind; that is in nobody's way, so nothing depends on it. */
export async function removeLeftovers(executor: Executor, live: LiveSets): Promise<void> {
  await runSets(
    executor,
    leftovers(live)
      .map((name) => `destroy ${name}\n`)
      .join(''),
  )
}

/** Of `ipset list -terse`: how many rules and lists use each set. */
function withReferences(sets: ReadonlyMap<string, LiveSet>, listing: string): LiveSets {
  const references = new Map<string, number>()
  for (const block of listing.split(/\n(?=Name: )/)) {
    const name = /^Name: (.*)$/m.exec(block)?.[1]
    const count = /^References: (\d+)$/m.exec(block)?.[1]
    if (name !== undefined && count !== undefined) references.set(name, Number(count))
  }
  return new Map(
    [...sets].map(([name, set]) => {
      const count = references.get(name)
      return [name, count === undefined ? set : { ...set, references: count }]
    }),
  )
}

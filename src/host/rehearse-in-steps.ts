/**
 * A rehearsal that finds out what is wrong: what is live, the batch and the look at what came of it, one by
 * one. Also where sets have to be made first.
 */
import { FwctlError } from '../base/error.ts'
import type { BatchLine } from '../plan/batch.ts'
import { diffRulesets } from '../plan/diff.ts'
import { requireTools } from './backend.ts'
import { holdsChains } from './chain-read.ts'
import { copySetHeaders, createSets, createStandInSets, setNames } from './ipsets.ts'
import { readLive } from './live.ts'
import { createdHeaders } from './rehearse-sets.ts'
import {
  concerned,
  neededRules,
  printed,
  type Rehearsal,
  type RehearsalProblem,
  type RehearsedFamily,
  type RehearseOptions,
  textOf,
} from './rehearsed.ts'
import { type RestoreOutcome, type RestoreRefusal, runRestore } from './restore.ts'
import { openScratchNamespace, type ScratchNamespace } from './scratch-namespace.ts'

/** One family's batch, down to the line that is refused. */
export async function rehearseInSteps(
  one: RehearsedFamily,
  options: RehearseOptions,
): Promise<Rehearsal> {
  const whole = await tryOut(one, options, textOf(one))
  if (whole.kind !== 'refused') return whole
  const line = await findCulprit(one, options, whole.refusal)
  return {
    kind: 'failed',
    problems: [{ family: one.family, message: whole.refusal.message, ...line }],
  }
}

type FamilyRehearsal = Rehearsal | { readonly kind: 'refused'; readonly refusal: RestoreRefusal }

/** One try of a text in a fresh, seeded namespace. */
async function tryOut(
  one: RehearsedFamily,
  options: RehearseOptions,
  text: string,
): Promise<FamilyRehearsal> {
  const scratch = await openScratchNamespace(options.executor, options.signal)
  if ('reason' in scratch) {
    return { kind: 'skipped', reason: `There can be no scratch namespace: ${scratch.reason}` }
  }
  try {
    const load = (text: string): Promise<RestoreOutcome> => {
      const tools = requireTools(options.backend, one.family)
      const { executor, lockFile } = scratch
      const running = runRestore(executor, tools, { text, noflush: true, lockFile })
      // Once it has been started.
      if (options.meanwhile) setImmediate(options.meanwhile)
      return running
    }
    const seed = await seedText(one, options, scratch)
    const seeded = seed === '' ? undefined : await load(seed)
    if (seeded?.kind === 'refused') {
      const what = `The ${one.family} rules that are live can not be loaded into a scratch namespace`
      return { kind: 'skipped', reason: `${what}: ${seeded.message}` }
    }
    const refusal = await load(text)
    if (refusal.kind === 'refused') return { kind: 'refused', refusal }
    return await compare(one, options, scratch)
  } catch (error) {
    // In a user namespace iptables-legacy-save may not list the tables.
    if (!(error instanceof FwctlError) || error.code !== 'no-permission') throw error
    return { kind: 'skipped', reason: error.message }
  } finally {
    await scratch.close()
  }
}

/** What has to be there before the batch; its sets are put in. */
async function seedText(
  one: RehearsedFamily,
  { executor, sets, missingSets, signal }: RehearseOptions,
  scratch: ScratchNamespace,
): Promise<string> {
  const { family } = one
  const needed = neededRules(one)
  const made = new Map(sets ? createdHeaders(sets) : [])
  await createSets(scratch.executor, [...made.values()])
  const used = setNames([needed, concerned(one.target, one)])
  const names = new Set([...used].filter((name) => !made.has(name)))
  const missing = await copySetHeaders(executor, scratch.executor, names, signal)
  if (missingSets === 'stand-in') await createStandInSets(scratch.executor, missing, family)
  return printed(needed)
}

/** Reads back, and compares with the target: what the batch is about, rules and policies. */
async function compare(
  one: RehearsedFamily,
  { backend, names, signal }: RehearseOptions,
  scratch: ScratchNamespace,
): Promise<Rehearsal> {
  const { family, target, touched } = one
  const tools = requireTools(backend, family)
  if (
    touched &&
    (await holdsChains(scratch.executor, tools, { ruleset: target, chains: touched }))
  ) {
    return { kind: 'passed' }
  }
  const live = await readLive(scratch.executor, backend, {
    families: [family],
    ...(names ? { names } : {}),
    signal,
  })
  const found = live[family]?.ruleset ?? { family, tables: [] }
  const differences = diffRulesets(concerned(found, one), concerned(target, one))
  if (differences.length === 0) return { kind: 'passed' }
  const message = 'what the kernel holds afterwards is not what the plan says'
  return { kind: 'failed', problems: [{ family, message, differences }] }
}

/** The line that was named, or else the last line of the shortest beginning that is refused. */
async function findCulprit(
  one: RehearsedFamily,
  options: RehearseOptions,
  refusal: RestoreRefusal,
): Promise<Pick<RehearsalProblem, 'line'>> {
  const { lines } = one.guarded ?? one.batch
  const named = refusal.lines.map((number) => lines[number - 1])
  const first = named.find((line) => line?.chain !== undefined)
  if (first) return { line: first }
  let good = 0
  let bad = lines.length
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    const tried = await tryOut(one, options, beginning(lines, middle))
    if (tried.kind === 'skipped') return {}
    if (tried.kind === 'refused') bad = middle
    else good = middle
  }
  const line = lines[bad - 1]
  return line?.chain === undefined ? {} : { line }
}

/** The first lines of a batch, as a batch: with a COMMIT for a block that is cut short. */
function beginning(lines: readonly BatchLine[], count: number): string {
  const first = lines.slice(0, count).map((line) => line.text)
  const isOpen = first.length > 0 && first.at(-1) !== 'COMMIT'
  return [...first, ...(isOpen ? ['COMMIT'] : [])].map((line) => `${line}\n`).join('')
}

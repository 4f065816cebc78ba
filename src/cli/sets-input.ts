/** The ipsets of the host, for the verbs that need them. */
import { FwctlError } from '../base/error.ts'
import { type AppliedRecord, readApplied } from '../host/applied.ts'
import { setNames } from '../host/ipsets.ts'
import { readSets } from '../host/sets.ts'
import { requireTrustedDir, type StateDir, stateDirPaths } from '../host/state-dir.ts'
import { parseSets } from '../ipset/save.ts'
import type { LiveSets } from '../ipset/set.ts'
import type { CompiledPolicy } from '../policy/compile.ts'
import type { Ruleset } from '../ruleset/model.ts'
import type { Context } from './context.ts'
import { readInput } from './files.ts'
import type { HostInput } from './host-input.ts'
import { stateRoot } from './target.ts'

/** Undefined when there is nothing to be looked at. Throws like `readSets`. */
export async function liveSets(
  { executor }: Pick<HostInput, 'executor'>,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<LiveSets | undefined> {
  return names.length === 0 ? undefined : readSets(executor, names, signal)
}

/** The sets that rules use, with the members of lists. Without ipset there is nothing to be said. */
export async function setsOfRules(
  rulesets: readonly Ruleset[],
  { executor }: Pick<HostInput, 'executor'>,
): Promise<LiveSets | undefined> {
  const names = setNames(rulesets)
  if (names.size === 0 || (await executor.find('ipset')) === undefined) return undefined
  const sets = await readSets(executor, names)
  const lists = [...sets.values()].filter((set) => set.header.type === 'list:set')
  if (lists.length === 0) return sets
  const members = lists.flatMap((set) => set.entries.map((entry) => entry.element))
  return readSets(executor, [...names, ...members])
}

/** The sets that fwctl made here, by its own record; a record that can not be trusted says nothing. */
export async function setsMade(
  stateDir: Pick<StateDir, 'applied' | 'machine'>,
): Promise<readonly string[]> {
  return madeIn(await readApplied(stateDir).catch(noRecord))
}

function madeIn(record: AppliedRecord | undefined): readonly string[] {
  return record?.sets?.made ?? []
}

function noRecord(): undefined {
  return undefined
}

/** What planning a policy has to know of the host's sets. */
export interface PlanSetsInput {
  readonly sets?: LiveSets
  readonly madeSets?: readonly string[]
}

/** Nothing when neither the policy nor fwctl's own record speaks of any set. */
export async function planSetsInput(
  about: {
    readonly compiled: CompiledPolicy
    readonly host: HostInput | undefined
    /** That of the state directory, if somebody reads it anyway. */
    readonly record?: (() => Promise<AppliedRecord | undefined>) | undefined
    readonly signal?: AbortSignal | undefined
  },
  context: Context,
): Promise<PlanSetsInput> {
  const { compiled, host, record, signal } = about
  const declared = compiled.sets.map((goal) => goal.set.name)
  const used = [...declared, ...compiled.externalSets.map((set) => set.name)]
  if (host === undefined) {
    const sets = await setsFromFile(used, context)
    if (sets === undefined && declared.length > 0) {
      context.note('Sets are not looked at: there is no --live-sets.')
    }
    return sets === undefined ? {} : { sets }
  }
  const madeSets = record ? madeIn(await record().catch(noRecord)) : await setsMadeOn(host, context)
  const sets = await liveSets(host, [...used, ...madeSets], signal)
  return sets === undefined ? {} : { sets, madeSets }
}

/** The sets of `--live-sets`. Throws FwctlError `live-unreadable` for what is no `ipset save`. */
export async function setsFromFile(
  names: readonly string[] | 'all',
  context: Context,
): Promise<LiveSets | undefined> {
  const path = context.options.liveSets
  if (path === undefined) return undefined
  const wanted = new Set(names === 'all' ? [] : names)
  const { sets, unreadable } = parseSets(
    await readInput(path, context),
    (name) => names === 'all' || wanted.has(name),
  )
  const [line] = unreadable
  if (line === undefined) return sets
  throw new FwctlError('live-unreadable', `${path} is not what ipset save prints: "${line}".`)
}

/** The same before there is a state directory: planning leaves nothing behind. */
async function setsMadeOn(
  { executor }: Pick<HostInput, 'executor'>,
  context: Context,
): Promise<readonly string[]> {
  const root = await stateRoot(context, executor)
  const paths = stateDirPaths(root, executor)
  try {
    await requireTrustedDir(root, paths)
    return await setsMade(paths)
  } catch {
    return []
  }
}

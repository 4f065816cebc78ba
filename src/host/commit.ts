/** The steps that change the kernel, and those that check it: what apply and recovery share. */
import type { Names } from '../extensions/names.ts'
import { type Batch, buildBatch } from '../plan/batch.ts'
import { diffRulesets } from '../plan/diff.ts'
import { type TouchedChain, touchedChains, touchedDigest, withChainsFrom } from '../plan/touched.ts'
import type { ForeignPatterns } from '../policy/policy.ts'
import type { Family, Ruleset } from '../ruleset/model.ts'
import { type FamilyTools, type HostBackend, requireTools } from './backend.ts'
import type { Executor } from './executor.ts'
import { type Live, readLive } from './live.ts'
import { takeLock } from './lock.ts'
import { runRestore } from './restore.ts'
import {
  planSetsEdit,
  readSets,
  removeLeftovers,
  runSets,
  type SetsEdit,
  type SetsTarget,
  verifySets,
} from './sets.ts'

/** The host that is changed. */
export interface Host {
  readonly executor: Executor
  readonly backend: HostBackend
  readonly names?: Names
}

/** One family's way from `before` to `target`. */
export interface Edit {
  readonly family: Family
  readonly tools: FamilyTools
  readonly before: Ruleset
  readonly target: Ruleset
  readonly touched: readonly TouchedChain[]
  readonly batch: Batch
}

/** Other tools are kept out while it lasts, as far as the back end allows. */
export interface Freeze {
  /** In place of the xtables lock, which is ours already. */
  readonly lockFile?: string
  thaw(): Promise<void>
}

const XTABLES_LOCK = '/run/xtables.lock'
const XTABLES_WAIT_MS = 10_000

/**
 * Holds the xtables lock from the last look at the live rules until the check after the commit: edits
 * go by number, and another tool's insertion in between would shift them. Only legacy programs heed
 * the lock; on nft the window is as short as it can be, and the check finds what slipped in.
 */
export async function freezeTables(
  { executor, backend }: Host,
  families: readonly Family[],
  signal: AbortSignal | undefined,
): Promise<Freeze> {
  if (families.every((family) => requireTools(backend, family).dialect.backend === 'nft')) {
    return { thaw: async () => undefined }
  }
  const lock = await takeLock(executor, XTABLES_LOCK, { waitMs: XTABLES_WAIT_MS, signal })
  // Any file of ours will do; this one needs no cleaning up.
  return { lockFile: `/proc/${lock.pid}/comm`, thaw: () => lock.release() }
}

/** The edits that turn what is live into the targets; families without changes have none. */
export function planEdits(
  { backend }: Host,
  live: Live,
  goal: { readonly targets: readonly Ruleset[]; readonly foreign: ForeignPatterns },
): readonly Edit[] {
  const { targets, foreign } = goal
  return targets.flatMap((target): Edit[] => {
    const { family } = target
    const before = live[family]?.ruleset ?? { family, tables: [] }
    const changes = diffRulesets(before, target)
    if (changes.length === 0) return []
    const tools = requireTools(backend, family)
    const batch = buildBatch({ live: before, target, dialect: tools.dialect, foreign })
    return [{ family, tools, before, target, touched: touchedChains(changes), batch }]
  })
}

/** Why a commit did not succeed; undefined: it did, and the host holds the targets. */
export type CommitFailure = string | undefined

interface CommitOptions {
  readonly freeze: Freeze
  readonly signal?: AbortSignal | undefined
  readonly sets?: SetsEdit | undefined
}

/**
 * Runs the batches one after the other and checks the result. Between two families, and before the
 * check, `signal` ends it; a restore that is under way always comes to its end. Sets are filled before
 * the rules that use them, and go when no rule does any more.
 */
export async function commitEdits(
  host: Host,
  edits: readonly Edit[],
  options: CommitOptions,
): Promise<CommitFailure> {
  const { sets, signal } = options
  if (sets === undefined) return commitRules(host, edits, options)
  if (signal?.aborted) return 'it was cancelled'
  const { executor } = host
  const unfilled = await runSets(executor, sets.batch.before)
  if (unfilled !== undefined) return unfilled
  const failure = edits.length === 0 ? undefined : await commitRules(host, edits, options)
  if (failure !== undefined) return failure
  const kept = await runSets(executor, sets.batch.after)
  return (
    kept ?? (await verifySets(executor, sets)) ?? (signal?.aborted ? 'it was cancelled' : undefined)
  )
}

async function commitRules(
  host: Host,
  edits: readonly Edit[],
  options: CommitOptions,
): Promise<CommitFailure> {
  const { lockFile } = options.freeze
  for (const { family, tools, batch } of edits) {
    if (options.signal?.aborted) return 'it was cancelled'
    const outcome = await runRestore(host.executor, tools, {
      text: batch.text,
      noflush: true,
      ...(lockFile === undefined ? {} : { lockFile }),
    })
    if (outcome.kind === 'refused') {
      const line = batch.lines[(outcome.lines[0] ?? 0) - 1]
      const where = line?.chain === undefined ? '' : ` at "${line.text}"`
      return `${tools.restore} refused the ${family} batch${where}: ${outcome.message}`
    }
  }
  const live = await readLive(host.executor, host.backend, {
    families: edits.map((edit) => edit.family),
    ...(host.names ? { names: host.names } : {}),
  })
  if (options.signal?.aborted) return 'it was cancelled'
  const wrong = edits.filter(({ family, target, touched }) => {
    const found = live[family]?.ruleset ?? { family, tables: [] }
    return touchedDigest(found, touched) !== touchedDigest(target, touched)
  })
  if (wrong.length === 0) return undefined
  return `the ${wrong.map((edit) => edit.family).join(' and ')} rules read back are not the target`
}

/** The chains of a family that have to be as they were. */
export interface WayBack {
  readonly family: Family
  readonly touched: readonly TouchedChain[]
  readonly before: Ruleset
}

/** Another tool may commit in between, so going back is tried a few times, each from a fresh look. */
const UNDO_ATTEMPTS = 3

/**
 * Puts the touched chains back, from whatever is there now. Undefined when they are; else why not.
 * Nothing cancels it.
 */
export async function goBack(
  host: Host,
  input: {
    readonly ways: readonly WayBack[]
    readonly foreign: ForeignPatterns
    readonly freeze: Freeze
    /** The sets as they have to be again. */
    readonly sets?: SetsTarget | undefined
  },
): Promise<CommitFailure> {
  const { ways, foreign, freeze } = input
  let failure: CommitFailure
  for (let attempt = 0; attempt < UNDO_ATTEMPTS; attempt++) {
    try {
      const live = await readLive(host.executor, host.backend, {
        families: ways.map((way) => way.family),
        ...(host.names ? { names: host.names } : {}),
      })
      const targets = ways.map(({ family, touched, before }) =>
        withChainsFrom({
          live: live[family]?.ruleset ?? { family, tables: [] },
          from: before,
          touched,
        }),
      )
      const edits = planEdits(host, live, { targets, foreign })
      const sets = input.sets && (await planSetsBack(host, input.sets))
      if (edits.length === 0 && sets === undefined) return undefined
      failure = await commitEdits(host, edits, { freeze, sets })
      if (failure === undefined) return undefined
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error)
    }
  }
  return failure
}

/** Also clears away what was being filled when it went wrong. */
async function planSetsBack({ executor }: Host, target: SetsTarget): Promise<SetsEdit | undefined> {
  const names = [...target.goals.map((goal) => goal.set.name), ...target.removals]
  const live = await readSets(executor, names)
  const edit = planSetsEdit(live, target)
  if (edit === undefined || edit.batch.before === '') await removeLeftovers(executor, live)
  return edit
}

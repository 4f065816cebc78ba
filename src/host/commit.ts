import { wrongHits } from '../plan/guards.ts'
import { differingChains, sameButForOthers, sameChains } from '../plan/touched.ts'
import type { Family } from '../ruleset/model.ts'
import { requireTools } from './backend.ts'
import { holdsChains } from './chain-read.ts'
import { type Edit, type Host, liveOf } from './edit.ts'
import { isMade, listingOf, readListing } from './edit-listing.ts'
import { readLive } from './live.ts'
import { takeLock } from './lock.ts'
import type { LostRule } from './lost-rules.ts'
import {
  type BegunRestore,
  beginRestore,
  type RestoreOutcome,
  type RestoreRefusal,
  runRestore,
} from './restore.ts'
import { runSets, type SetsEdit, verifySets } from './sets.ts'

/** Other tools are kept out while it lasts, as far as the back end allows. */
export interface Freeze {
  /** Whether anybody is kept out at all. */
  readonly holds: boolean
  /** In place of the xtables lock, which is ours already. */
  readonly lockFile?: string
  thaw(): Promise<void>
}

/** Of nft: nobody can be kept out. The batch guards itself instead (plan/guards.ts). */
export const NO_FREEZE: Freeze = { holds: false, thaw: async () => undefined }

const XTABLES_LOCK = '/run/xtables.lock'

interface Waiting {
  readonly lockWaitMs?: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Holds the xtables lock from the last look at the live rules until the check after the commit: edits
 * go by number, and another tool's insertion in between would shift them. Only legacy programs heed
 * the lock.
 */
export async function freezeTables(
  { executor, backend }: Host,
  families: readonly Family[],
  { lockWaitMs: waitMs, signal }: Waiting = {},
): Promise<Freeze> {
  if (families.every((family) => requireTools(backend, family).dialect.backend === 'nft')) {
    return NO_FREEZE
  }
  const options = { signal, ...(waitMs === undefined ? {} : { waitMs }) }
  const lock = await takeLock(executor, XTABLES_LOCK, options)
  // Any file of ours will do; this one needs no cleaning up.
  return { holds: true, lockFile: `/proc/${lock.pid}/comm`, thaw: () => lock.release() }
}

/** Why a commit did not succeed. */
export interface CommitFailure {
  /**
   * `refused`: the kernel or iptables did not take it; `differs`: it was taken, and the host holds
   * something else all the same.
   */
  readonly kind: 'cancelled' | 'refused' | 'differs' | 'error'
  /** The rules had changed since the edits were planned, and nothing at all was done. */
  readonly untouched: boolean
  readonly reason: string
  /** The chains that differ, as `ipv4 filter INPUT`. */
  readonly chains: readonly string[]
  /** Rules of others that were hit in place of ours. */
  readonly lost: readonly LostRule[]
  /** iptables did not find a rule by its value. */
  readonly notFound: boolean
}

interface CommitOptions {
  readonly freeze: Freeze
  readonly signal?: AbortSignal | undefined
  readonly sets?: SetsEdit | undefined
  /** Restores of these edits that have been begun. */
  readonly begun?: Map<Edit, BegunRestore>
  /** False: it is committed even if the rules have changed since the edits were planned. */
  readonly isPatient?: boolean
}

/**
 * Runs the batches one after the other and checks the result; undefined: the host holds the targets
 * (what other tools do to rules of their own meanwhile is no failure). Between two families, and
 * before the check, `signal` ends it; a restore that is under way always comes to its end. Sets are
 * filled before the rules that use them, and go when no rule does any more.
 */
export async function commitEdits(
  host: Host,
  edits: readonly Edit[],
  options: CommitOptions,
): Promise<CommitFailure | undefined> {
  try {
    return await commitAll(host, edits, options)
  } catch (error) {
    return failed('error', error instanceof Error ? error.message : String(error))
  }
}

async function commitAll(
  host: Host,
  edits: readonly Edit[],
  options: CommitOptions,
): Promise<CommitFailure | undefined> {
  const { sets, signal } = options
  if (sets === undefined) return commitRules(host, edits, options)
  if (signal?.aborted) return CANCELLED
  const { executor } = host
  const unfilled = await runSets(executor, sets.batch.before)
  if (unfilled !== undefined) return failed('refused', unfilled)
  const failure = edits.length === 0 ? undefined : await commitRules(host, edits, options)
  if (failure !== undefined) return failure
  const kept = await runSets(executor, sets.batch.after)
  if (kept !== undefined) return failed('refused', kept)
  const wrong = await verifySets(executor, sets)
  if (wrong !== undefined) return failed('differs', wrong)
  return signal?.aborted ? CANCELLED : undefined
}

async function commitRules(
  host: Host,
  edits: readonly Edit[],
  options: CommitOptions,
): Promise<CommitFailure | undefined> {
  const { signal } = options
  const lost: LostRule[] = []
  const unseen: Edit[] = []
  for (const edit of edits) {
    if (signal?.aborted) return { ...CANCELLED, lost }
    const outcome = await restoreEdit(host, edit, options)
    // It may have been the listing that failed, after the change.
    if (outcome.kind === 'refused' && (outcome.withheld || !(await isMade(host, edit, outcome)))) {
      const untouched = outcome.withheld === true && edit === edits[0]
      return { ...refusal(edit, outcome), lost, untouched }
    }
    const { witnesses } = edit.guarded
    const { isSeen, before } = readListing(edit, outcome.stdout)
    if (!isSeen) unseen.push(edit)
    const hits = wrongHits(witnesses, before) ?? wrongHits(witnesses, outcome.stdout) ?? []
    lost.push(...hits.map((hit) => ({ family: edit.family, ...hit.expected, line: hit.line })))
  }
  const isSeen = lost.length === 0 && (await holdAll(host, unseen, 'target'))
  if (signal?.aborted) return { ...CANCELLED, lost }
  if (isSeen) return undefined
  const live = await readLive(host.executor, host.backend, {
    families: edits.map((edit) => edit.family),
    ...(host.names ? { names: host.names } : {}),
  })
  if (signal?.aborted) return { ...CANCELLED, lost }
  const wrong = edits.filter(
    (edit) =>
      lost.some((rule) => rule.family === edit.family) ||
      !sameButForOthers(liveOf(live, edit.family), edit.target, edit),
  )
  if (wrong.length === 0) return undefined
  const families = wrong.map((edit) => edit.family).join(' and ')
  return {
    ...failed('differs', `the ${families} rules read back are not the target`),
    lost,
    chains: wrong.flatMap(({ family, target, touched }) =>
      differingChains(liveOf(live, family), target, touched).map(
        ({ table, chain }) => `${family} ${table} ${chain}`,
      ),
    ),
  }
}

async function restoreEdit(
  host: Host,
  edit: Edit,
  { freeze, begun, isPatient = true }: CommitOptions,
): Promise<RestoreOutcome> {
  const waiting = begun?.get(edit)
  begun?.delete(edit)
  if (freeze.holds || !isPatient) {
    await waiting?.abandon()
    return runRestore(host.executor, edit.tools, inputOf(edit, freeze))
  }
  return (waiting ?? beginEdit(host, edit)).finish(() => isUnchanged(host, edit))
}

/** On nft: no lock is held meanwhile. */
export function beginEdit({ executor }: Pick<Host, 'executor'>, edit: Edit): BegunRestore {
  return beginRestore(executor, edit.tools, inputOf(edit, NO_FREEZE))
}

function inputOf(edit: Edit, { lockFile }: Freeze): Parameters<typeof runRestore>[2] {
  const listing = listingOf(edit)
  return {
    text: edit.guarded.text,
    noflush: true,
    ...(listing && { listing: listing.input }),
    ...(lockFile === undefined ? {} : { lockFile }),
  }
}

/** Whether the host certainly holds the touched chains as they are before, or after, the edits. */
export async function holdAll(
  { executor }: Host,
  edits: readonly Edit[],
  side: 'before' | 'target',
): Promise<boolean> {
  const looks = edits.map((edit) =>
    holdsChains(executor, edit.tools, { ruleset: edit[side], chains: edit.touched }),
  )
  return (await Promise.all(looks)).every(Boolean)
}

/** A look at no more than what changes, so that it is as late as it can be. */
async function isUnchanged(host: Host, edit: Edit): Promise<boolean> {
  if (await holdAll(host, [edit], 'before')) return true
  const { family, before, touched, batch } = edit
  const { tables } = batch
  const options = { families: [family], tables, ...(host.names ? { names: host.names } : {}) }
  const live = await readLive(host.executor, host.backend, options)
  return sameChains(liveOf(live, family), before, touched)
}

function refusal({ family, tools, guarded }: Edit, outcome: RestoreRefusal): CommitFailure {
  const line = guarded.lines[(outcome.lines[0] ?? 0) - 1]
  const where = line?.chain === undefined ? '' : ` at "${line.text}"`
  const reason = outcome.withheld
    ? `${family}: ${outcome.message}`
    : `${tools.restore} refused the ${family} batch${where}: ${outcome.message}`
  return { ...failed('refused', reason), notFound: outcome.message.includes('Bad rule') }
}

function failed(kind: CommitFailure['kind'], reason: string): CommitFailure {
  return { kind, reason, chains: [], lost: [], notFound: false, untouched: false }
}

const CANCELLED: CommitFailure = failed('cancelled', 'it was cancelled')

/**
 * Rolls an unconfirmed change back, in the hands of a dead man: no file has to be written for it, and
 * each way that fails is followed by a coarser one.
 *
 * 1. The exact one, plan/way-back.ts: what the change did is taken back, what others have done since
 *    stays. It is planned against a fresh read under the locks, committed and read back like any
 *    plan, a few times over if others get in between.
 * 2. If the live rules can not be understood any more (somebody's native nft rules, say) or the exact
 *    way is refused: the tables that the change touched are loaded from the snapshot as a whole. What
 *    others did in them since is lost, and they are told so; a firewall that is known good comes first.
 */
import type { Names } from '../extensions/names.ts'
import { wayBack } from '../plan/way-back.ts'
import { BUILTIN_CHAINS } from '../ruleset/hooks.ts'
import type { Ruleset, TableName } from '../ruleset/model.ts'
import { snapshotTarget, targetNames } from './apply-sets.ts'
import type { HostBackend } from './backend.ts'
import { commitEdits, type Freeze, freezeTables, NO_FREEZE } from './commit.ts'
import { type Host, planEdits } from './edit.ts'
import type { Executor } from './executor.ts'
import { type Live, parseLive, readLive } from './live.ts'
import type { PendingChange, PendingFamily } from './pending.ts'
import { runRestore } from './restore.ts'
import { planSetsEdit, readSets, runSets, type SetsTarget } from './sets.ts'
import type { Snapshot } from './snapshots.ts'

/** How a way back ended. */
export type WayBackOutcome =
  | { readonly kind: 'exact' }
  /** Whole tables were loaded, because of this. */
  | { readonly kind: 'whole-tables'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }

const ATTEMPTS = 3

/** The host as the pending change knows it: nothing has to be looked for. */
export function pendingHost(pending: PendingChange, executor: Executor, names?: Names): Host {
  const backend: HostBackend = {
    families: Object.fromEntries(pending.families.map((one) => [one.family, one.tools])),
    missing: {},
  }
  return { executor, backend, ...(names ? { names } : {}) }
}

/** What the live rules of each family must become for the change to be gone. */
export function wayBackTargets(
  pending: PendingChange,
  snapshot: Snapshot,
  input: Reading & { readonly live: Live },
): readonly Ruleset[] {
  const { live } = input
  return pending.families.map((one) =>
    wayBack({
      live: live[one.family]?.ruleset ?? { family: one.family, tables: [] },
      before: beforeChange(one, snapshot, input),
      after: afterChange(one, input),
      touched: one.touched,
      foreign: pending.foreign,
    }),
  )
}

/** What rules are read with. */
export interface Reading {
  readonly names?: Names
}

export function beforeChange(
  { family, tools }: PendingFamily,
  { meta, dumps }: Snapshot,
  { names }: Reading,
): Ruleset {
  const about = { family, dialect: tools.dialect, file: `snapshot ${meta.id}` }
  return parseLive(dumps[family] ?? '', { ...about, ...(names && { names }) }).ruleset
}

export function afterChange({ family, tools, after }: PendingFamily, { names }: Reading): Ruleset {
  const about = { family, dialect: tools.dialect, file: 'what was applied' }
  return parseLive(after, { ...about, ...(names && { names }) }).ruleset
}

/** What the sets that the change touched must become again; undefined: it touched none. */
export function pendingSetsTarget(
  { sets }: PendingChange,
  snapshot: Snapshot,
): SetsTarget | undefined {
  return sets && snapshotTarget(snapshot, sets.touched)
}

/** Never throws. The caller holds the lock of the state directory, if that can be had. */
export async function goWayBack(
  host: Host,
  pending: PendingChange,
  snapshot: Snapshot,
): Promise<WayBackOutcome> {
  let freeze: Freeze = NO_FREEZE
  try {
    freeze = await freezeTables(
      host,
      pending.families.map((one) => one.family),
    ).catch(() => freeze)
    const exact = await goExactly(host, { pending, snapshot, freeze })
    if (exact === undefined) return { kind: 'exact' }
    const whole = await loadWholeTables(host, { pending, snapshot, freeze })
    if (whole === undefined) return { kind: 'whole-tables', reason: exact }
    return { kind: 'failed', reason: `${exact}; and from the snapshot: ${whole}` }
  } finally {
    await freeze.thaw().catch(() => undefined)
  }
}

interface Way {
  readonly pending: PendingChange
  readonly snapshot: Snapshot
  readonly freeze: Freeze
}

/** Undefined when it is done; else why not. */
async function goExactly(host: Host, way: Way): Promise<string | undefined> {
  const { pending, snapshot, freeze } = way
  let failure: string | undefined
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      const live = await readLive(host.executor, host.backend, {
        families: pending.families.map((one) => one.family),
        ...(host.names ? { names: host.names } : {}),
      })
      const targets = wayBackTargets(pending, snapshot, {
        live,
        ...(host.names ? { names: host.names } : {}),
      })
      const edits = planEdits(host, live, { targets, foreign: pending.foreign })
      const target = pendingSetsTarget(pending, snapshot)
      const sets =
        target && planSetsEdit(await readSets(host.executor, targetNames(target)), target)
      if (edits.length === 0 && sets === undefined) return undefined
      failure = (await commitEdits(host, edits, { freeze, sets }))?.reason
      if (failure === undefined) return undefined
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error)
    }
  }
  return failure
}

async function loadWholeTables(host: Host, way: Way): Promise<string | undefined> {
  const failures: string[] = []
  const { lockFile } = way.freeze
  // The rules of then may need them.
  await fillSets(host, way).catch(() => undefined)
  // One family that fails is no reason to leave the other open.
  for (const family of way.pending.families) {
    try {
      const outcome = await runRestore(host.executor, family.tools, {
        text: wholeTables(family, way.snapshot.dumps[family.family] ?? ''),
        noflush: false,
        ...(lockFile === undefined ? {} : { lockFile }),
      })
      if (outcome.kind === 'refused') failures.push(outcome.message)
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error))
    }
  }
  return failures.length === 0 ? undefined : failures.join('; ')
}

async function fillSets({ executor }: Host, { pending, snapshot }: Way): Promise<void> {
  const target = pendingSetsTarget(pending, snapshot)
  if (target === undefined) return
  const edit = planSetsEdit(await readSets(executor, targetNames(target)), target)
  await runSets(executor, edit?.batch.before ?? '')
}

/** The touched tables as the dump has them, word for word; one that it lacks was empty. */
export function wholeTables(family: Pick<PendingFamily, 'touched'>, dump: string): string {
  const names = [...new Set(family.touched.map((one) => one.table))]
  return names.map((name) => tableText(name, dump)).join('')
}

function tableText(name: TableName, dump: string): string {
  const lines = dump.split('\n')
  const start = lines.indexOf(`*${name}`)
  const end = lines.indexOf('COMMIT', start)
  if (start >= 0 && end > start) return `${lines.slice(start, end + 1).join('\n')}\n`
  const chains = BUILTIN_CHAINS[name].map((chain) => `:${chain} ACCEPT [0:0]\n`)
  return `*${name}\n${chains.join('')}COMMIT\n`
}

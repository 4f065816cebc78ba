import { FwctlError } from '../base/error.ts'
import { sameButForOthers, sameChains, type TouchedChain } from '../plan/touched.ts'
import type { ForeignPatterns } from '../policy/policy.ts'
import type { Ruleset } from '../ruleset/model.ts'
import { type AppliedRecord, writeApplied } from './applied.ts'
import { journalTarget, snapshotTarget, targetNames } from './apply-sets.ts'
import type { HostBackend } from './backend.ts'
import { commandsToLoad, sayHowToLoad } from './by-hand.ts'
import { chainStates, sayChainStates } from './chain-state.ts'
import { freezeTables } from './commit.ts'
import { type Host, liveOf } from './edit.ts'
import { goBack, type WayBack } from './go-back.ts'
import { closeJournal, type Journal, readJournal, readRecordOf } from './journal.ts'
import { kernelIdentity } from './kernel-identity.ts'
import { type Live, parseLive, readLive } from './live.ts'
import { readPending } from './pending.ts'
import { planSetsEdit, readSets, removeLeftovers, type SetsTarget } from './sets.ts'
import { settleRolledBack } from './settle.ts'
import { readSnapshot } from './snapshots.ts'
import type { StateDir } from './state-dir.ts'
import { sweepTemporaries } from './sweep.ts'

/** What became of an apply that was cut short (by SIGKILL, a power cut, a full disk). */
export type Recovery =
  | { readonly kind: 'nothing-open' }
  /** The kernel was not changed yet, or is no longer the one that was being changed. */
  | { readonly kind: 'dropped'; readonly message: string }
  /** All of it had been done; only the record was missing. */
  | { readonly kind: 'completed'; readonly message: string }
  /** Half of it had been done; the host is as it was before. */
  | { readonly kind: 'undone'; readonly message: string }

/**
 * Finishes or undoes what a killed fwctl left half done. The caller holds the lock of the state
 * directory. Throws FwctlError `rollback-incomplete` when the way back fails.
 */
export async function recover(
  caller: Pick<Host, 'executor' | 'names'>,
  stateDir: StateDir,
): Promise<Recovery> {
  const journal = await readJournal(stateDir)
  const written = journal?.applied
  await sweepTemporaries(stateDir, written && 'file' in written ? written.file : undefined)
  if (journal === undefined) return { kind: 'nothing-open' }
  const began = `An apply that began at ${journal.startedAt} was cut short`
  if (journal.kernel !== (await kernelIdentity(caller.executor))) {
    await closeJournal(stateDir)
    return {
      kind: 'dropped',
      message: `${began}; the host has since been restarted, so nothing of it is left.`,
    }
  }
  const host: Host = { ...caller, backend: backendOf(journal) }
  const live = await readLive(host.executor, host.backend, {
    families: journal.families.map((one) => one.family),
    ...(host.names ? { names: host.names } : {}),
  })
  const sets = await openSets(host, stateDir, journal)
  const applied = await readRecordOf(stateDir, journal)
  const ways = await readWays(host, stateDir, { journal, applied })
  const side = sideOf(ways, { live, sets, foreign: journal.foreign })
  if (applied === undefined && side !== 'before') {
    throw unusable(stateDir, journal, 'what it was to lead to is not there, or was changed')
  }
  if (side === 'before') {
    await settlePending(stateDir, journal, 'arms')
    await closeJournal(stateDir)
    return { kind: 'dropped', message: `${began} before it changed anything.` }
  }
  if (side === 'after') {
    const isRecorded = journal.confirm === undefined && !journal.unrecorded
    if (applied && isRecorded) await writeApplied(stateDir, applied)
    await settlePending(stateDir, journal, 'ends')
    await closeJournal(stateDir)
    return { kind: 'completed', message: `${began} when all was done; it has been recorded now.` }
  }
  await undoJournal(host, stateDir, { journal, ways, sets: sets?.before })
  await settlePending(stateDir, journal, 'arms')
  await closeJournal(stateDir)
  return {
    kind: 'undone',
    message: `${began} half-way; it has been undone, and the host is as it was before.`,
  }
}

/** The back end that was being changed, whichever is in use now. */
function backendOf({ families }: Journal): HostBackend {
  return {
    families: Object.fromEntries(families.map(({ family, tools }) => [family, tools])),
    missing: {},
  }
}

/** How far it got: other tools may have changed rules of their own since. */
function sideOf(
  ways: readonly WayBack[],
  found: {
    readonly live: Live
    readonly sets: OpenSets | undefined
    readonly foreign: ForeignPatterns
  },
): 'before' | 'after' | 'between' {
  const { live, sets, foreign } = found
  for (const compare of [sameExactly, sameButForOthers]) {
    const holds = (side: 'before' | 'target'): boolean =>
      ways.every((way) =>
        compare(liveOf(live, way.family), way[side], { touched: way.touched, foreign }),
      )
    if (holds('before') && (sets?.isBefore ?? true)) return 'before'
    if (holds('target') && (sets?.isAfter ?? true)) return 'after'
  }
  return 'between'
}

function sameExactly(
  a: Ruleset,
  b: Ruleset,
  { touched }: { readonly touched: readonly TouchedChain[] },
): boolean {
  return sameChains(a, b, touched)
}

interface OpenSets {
  readonly isBefore: boolean
  readonly isAfter: boolean
  /** The way back. */
  readonly before: SetsTarget
}

/** How far an apply that was cut short has got with its sets; what it was filling is cleared away. */
async function openSets(
  { executor }: Host,
  stateDir: StateDir,
  { sets, snapshot }: Journal,
): Promise<OpenSets | undefined> {
  if (sets === undefined) return undefined
  const before = snapshotTarget(await readSnapshot(stateDir, snapshot), sets.touched)
  const after = journalTarget(sets)
  const live = await readSets(executor, [...targetNames(before), ...targetNames(after)])
  await removeLeftovers(executor, live)
  return {
    isBefore: planSetsEdit(live, before) === undefined,
    isAfter: planSetsEdit(live, after) === undefined,
    before,
  }
}

/** What each family was, from the snapshot, and what it was to become, from the journal. */
async function readWays(
  { names }: Host,
  stateDir: StateDir,
  open: { readonly journal: Journal; readonly applied: AppliedRecord | undefined },
): Promise<readonly WayBack[]> {
  const { journal, applied } = open
  const snapshot = await readSnapshot(stateDir, journal.snapshot)
  return journal.families.map(({ family, tools, touched }): WayBack => {
    const { dialect } = tools
    const read = (text: string | undefined, file: string): Ruleset => {
      if (text === undefined) throw unusable(stateDir, journal, `${file} has no ${family} rules`)
      return parseLive(text, { family, dialect, file, ...(names ? { names } : {}) }).ruleset
    }
    const before = read(snapshot.dumps[family], `snapshot ${journal.snapshot}`)
    const target = applied && read(applied.families[family]?.rules, stateDir.journal)
    // Without the record, only that nothing was changed can be told.
    return { family, touched, before, target: target ?? before }
  })
}

async function undoJournal(
  host: Host,
  stateDir: StateDir,
  open: {
    readonly journal: Journal
    readonly ways: readonly WayBack[]
    readonly sets: SetsTarget | undefined
  },
): Promise<void> {
  const { journal, ways, sets } = open
  const families = ways.map((way) => way.family)
  const freeze = await freezeTables(host, families)
  try {
    const failure = await goBack(host, { ways, foreign: journal.foreign, freeze, sets })
    if (failure !== undefined) throw await halfWay(host, stateDir, { ...open, why: failure })
  } finally {
    await freeze.thaw()
  }
}

/** A change that had to be confirmed, and that is no longer there: nobody has to wait for it. */
async function settlePending(
  stateDir: StateDir,
  { confirm }: Journal,
  role: 'arms' | 'ends',
): Promise<void> {
  if (confirm?.role !== role) return
  const pending = await readPending(stateDir)
  if (pending?.token !== confirm.token || pending.state !== 'pending') return
  await settleRolledBack(stateDir, pending, 'what was cut short has been taken back')
}

async function halfWay(
  host: Host,
  stateDir: StateDir,
  open: { readonly journal: Journal; readonly ways: readonly WayBack[]; readonly why: string },
): Promise<FwctlError> {
  const { journal, ways, why } = open
  const { snapshot, families, startedAt } = journal
  const live = await readLive(host.executor, host.backend, {
    families: families.map((one) => one.family),
    ...(host.names ? { names: host.names } : {}),
  }).catch(() => undefined)
  const state = chainStates(ways, live)
  const commands = commandsToLoad(host.executor, stateDir, {
    snapshot,
    families,
    sets: journal.sets !== undefined,
  })
  return new FwctlError(
    'rollback-incomplete',
    `The apply that began at ${startedAt} was cut short half-way, and going back to snapshot ` +
      `${snapshot} failed: ${why}. ${sayChainStates(state)} ${sayHowToLoad(host.executor, commands)}`,
    { details: { reason: why, state, commands, snapshot } },
  )
}

/** Nothing can be compared with it, so nothing is done. */
function unusable(stateDir: StateDir, { startedAt, snapshot }: Journal, what: string): FwctlError {
  return new FwctlError(
    'rollback-incomplete',
    `The apply that began at ${startedAt} was cut short, and whether it has to be undone can not be ` +
      `told: ${what}. Nothing was changed now. Look at ${stateDir.snapshots}/${snapshot} and at what is ` +
      `live; when the host is as it should be, remove ${stateDir.journal}.`,
    { details: { snapshot, what } },
  )
}

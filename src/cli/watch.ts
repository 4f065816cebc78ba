import { resolve } from 'node:path'
import { FwctlError } from '../base/error.ts'
import { type AppliedRecord, readApplied } from '../host/applied.ts'
import { readLive } from '../host/live.ts'
import type { RehearseMode } from '../host/preflight.ts'
import type { StateDir } from '../host/state-dir.ts'
import { expiryKey, type Goal, type WatchEvent, watchHost } from '../host/watch.ts'
import { parseWindow } from '../host/watch-window.ts'
import { heldSets, planHold } from '../plan/hold.ts'
import { FAMILIES } from '../ruleset/model.ts'
import type { Context } from './context.ts'
import { parseDuration } from './duration.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import { type HostInput, openExecutor, openHost, openState } from './host-input.ts'
import { type Logger, openLogger } from './logger.ts'
import { planPolicy } from './planning.ts'
import { clock } from './policy-input.ts'
import { requirePrune } from './pruning.ts'
import { liveSets } from './sets-input.ts'

/** Ends at Ctrl-C or SIGTERM, exit 0; with `--once` exit 2 when the host is not as it should be. */
export async function watch(context: Context): Promise<ExitCode> {
  const { options, cwd } = context
  refuseFromAfar(context)
  const fight = readFight(context)
  const windows = (options.window ?? []).map((text) => parseWindow(text, '--window'))
  const maintenance = (options.maintenance ?? []).map((text) => parseWindow(text, '--maintenance'))
  const log = await watchLogger(context)
  const isHeldToRecord = context.args[0] === undefined
  const stateDir = await openState(context, await openExecutor(context))
  const record = isHeldToRecord ? await requireRecord(stateDir) : undefined
  const host = await openHost(context, backendOf(record, context))
  const ended = new AbortController()
  const stop = context.onInterrupt(() => ended.abort())
  try {
    const result = await watchHost({
      ...host,
      stateDir,
      goal: () =>
        isHeldToRecord ? recordGoal({ host, stateDir }, context) : policyGoal(stateDir, context),
      // What was applied has been rehearsed, and has been live. `auto` is the option's default.
      rehearse:
        isHeldToRecord && options.rehearse === 'auto' ? 'off' : (options.rehearse as RehearseMode),
      unrecorded: isHeldToRecord,
      windows,
      maintenance,
      pauseFile: options.pauseFile === undefined ? undefined : resolve(cwd, options.pauseFile),
      fight,
      now: () => clock(context),
      signal: ended.signal,
      onEvent: (event) => logEvent(event, log),
      once: options.once === true,
    })
    return options.once && result === 'drifted' ? EXIT.pending : EXIT.done
  } finally {
    stop()
  }
}

/** A connection that is lost would leave nobody watching, and nobody would know. */
function refuseFromAfar({ options }: Context): void {
  if (options.host === undefined || options.once) return
  throw new FwctlError(
    'usage',
    'fwctl watch has to run on the host itself: install fwctl there (fwctl install --watch). From here ' +
      'there is fwctl watch --once --host …, and fwctl drift.',
  )
}

/** One line for each event, also where nothing else is logged. */
async function watchLogger({ log, options, complain, isTTY }: Context): Promise<Logger> {
  if (log.level !== 'silent') return log
  const level = options.quiet ? 'warn' : 'info'
  return openLogger({ write: complain }, { level, format: isTTY.stderr ? 'pretty' : 'json' })
}

function logEvent({ level, message, ...fields }: WatchEvent, log: Logger): void {
  log[level](fields, message)
}

async function requireRecord(stateDir: StateDir): Promise<AppliedRecord> {
  const record = await readApplied(stateDir)
  if (record !== undefined) return record
  throw new FwctlError(
    'usage',
    'Nothing has been applied here yet, so there is nothing to hold the host to. Apply a policy, or ' +
      'name it: fwctl watch POLICY.',
  )
}

/** The back end that was in use. */
function backendOf(
  record: AppliedRecord | undefined,
  { options }: Context,
): Context['options']['backend'] {
  if (options.backend !== 'auto') return options.backend
  return FAMILIES.map((family) => record?.families[family]?.backend).find(Boolean) ?? 'auto'
}

/** Read anew each time: somebody may apply something else meanwhile. */
async function recordGoal(
  { host, stateDir }: { readonly host: HostInput; readonly stateDir: StateDir },
  context: Context,
): Promise<Goal> {
  const record = await requireRecord(stateDir)
  const { names } = host
  const { family } = context.options
  const families = FAMILIES.filter(
    (one) => record.families[one] !== undefined && (family === undefined || family === one),
  )
  const live = await readLive(host.executor, host.backend, { families, names })
  const sets = await liveSets(
    host,
    heldSets(record).map((goal) => goal.set.name),
  )
  const now = clock(context)
  const plan = planHold({
    record,
    live,
    now,
    names,
    ...(sets ? { sets } : {}),
    prune: context.options.prune === true,
  })
  return { plan, expired: await expiredRules(stateDir, now) }
}

async function policyGoal(stateDir: StateDir, context: Context): Promise<Goal> {
  const { plan } = await planPolicy(context)
  requirePrune(plan, context)
  return { plan, expired: await expiredRules(stateDir, clock(context)) }
}

async function expiredRules(stateDir: StateDir, now: Date): Promise<Goal['expired']> {
  const record = await readApplied(stateDir).catch(() => undefined)
  return new Set(
    FAMILIES.flatMap((family) =>
      (record?.families[family]?.expires ?? [])
        .filter(({ at }) => new Date(at) <= now)
        .map((rule) => expiryKey(family, rule)),
    ),
  )
}

function readFight({ options }: Context): { readonly limit: number; readonly windowMs: number } {
  const { fightLimit = '3', fightWindow = '10m' } = options
  if (!/^[1-9]\d{0,3}$/.test(fightLimit)) {
    throw new FwctlError('usage', `--fight-limit ${fightLimit}: give a number from 1.`)
  }
  return {
    limit: Number(fightLimit),
    windowMs: parseDuration(fightWindow, '--fight-window') * 1000,
  }
}

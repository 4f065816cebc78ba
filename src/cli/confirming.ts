/** What `apply` and `rollback` say and do about a change that has to be confirmed. */
import { FwctlError } from '../base/error.ts'
import {
  type ConfirmOutcome,
  type ConfirmRequest,
  confirmPending,
  whatBecame,
} from '../host/confirm.ts'
import { connectCommand, type Probe, parseProbe, probeUntilOpen } from '../host/confirm-probe.ts'
import type { PendingChange } from '../host/pending.ts'
import type { StateDir } from '../host/state-dir.ts'
import type { Context } from './context.ts'
import { formatDuration, parseDuration } from './duration.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import type { HostInput } from './host-input.ts'
import { openTarget, targetWords } from './target.ts'

/** Long enough to log in anew, short enough to wait for. */
const DEFAULT_WITHIN = '60s'
const MAX_SECONDS = 7 * 86_400
const LOCK_WAIT_MS = 60_000

export interface Confirming extends ConfirmRequest {
  readonly probes: readonly Probe[]
}

/** Undefined: it need not be confirmed. Throws FwctlError `usage`. */
export async function readConfirming(context: Context): Promise<Confirming | undefined> {
  const { options } = context
  const probes = (options.confirmProbe ?? []).map(parseProbe)
  const text = options.confirmWithin ?? (probes.length > 0 ? DEFAULT_WITHIN : undefined)
  if (text === undefined) return undefined
  const withinSeconds = parseDuration(text, '--confirm-within')
  if (withinSeconds > MAX_SECONDS) {
    throw new FwctlError('usage', `--confirm-within ${text}: a week is the most.`)
  }
  const { executor, namespace } = await openTarget(context)
  for (const probe of probes) await connectCommand(executor, probe)
  return { withinSeconds, probes, ...(namespace && { namespace }) }
}

/** Says how to confirm; with probes it waits for them, and for what comes of it. */
export async function awaitConfirmation(
  pending: PendingChange,
  input: {
    readonly host: HostInput
    readonly stateDir: StateDir
    readonly probes: readonly Probe[]
    readonly signal: AbortSignal
  },
  context: Context,
): Promise<ExitCode> {
  const within = formatDuration(pending.withinSeconds)
  context.print(
    `\nApplied, and to be confirmed within ${within}, before ${pending.deadline}:\n\n` +
      `  ${confirmCommand(pending.token, context)}\n\n` +
      'Open a new session for that, to see that one can. Else it is rolled back.\n',
  )
  if (input.probes.length === 0) return EXIT.done
  context.note('Probing …')
  const due = AbortSignal.timeout(Math.max(0, Date.parse(pending.deadline) - Date.now()))
  const { host, stateDir, probes } = input
  const isOpen = await probeUntilOpen(host.executor, probes, AbortSignal.any([due, input.signal]))
  if (!isOpen && input.signal.aborted) {
    context.complain(`Not confirmed; it is rolled back at ${pending.deadline}.\n`)
    return EXIT.cancelled
  }
  const by = probes.map(({ host, port }) => `tcp://${host}:${port}`).join(', ')
  const outcome = await confirmPending(host, stateDir, {
    token: pending.token,
    by: `a new connection to ${by}`,
    lockWaitMs: LOCK_WAIT_MS,
  })
  return sayConfirmed(outcome, context)
}

export function sayConfirmed(outcome: ConfirmOutcome, { note, complain }: Context): ExitCode {
  switch (outcome.kind) {
    case 'confirmed':
      note(`Confirmed: ${outcome.change.reason}.`)
      return EXIT.done
    case 'already-confirmed':
      note(`Nothing waits for a confirmation; the last change, ${whatBecame(outcome.change)}.`)
      return EXIT.done
    case 'too-late':
      complain(
        `fwctl: too late to confirm the change of ${outcome.change.createdAt} ` +
          `(${outcome.change.reason}): ${whatBecame(outcome.change)}.\n`,
      )
      return EXIT.rolledBack
    case 'nothing-pending':
      complain('fwctl: there is no change that waits for its confirmation.\n')
      return EXIT.failed
  }
}

/** With the options that lead to the same host and the same state directory. */
function confirmCommand(token: string, context: Context): string {
  return [`fwctl confirm ${token}`, ...targetWords(context)].join(' ')
}

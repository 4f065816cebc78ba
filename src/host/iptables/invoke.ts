/** The one place that runs the programs of iptables for the client. */
import { FwctlError } from '../../base/error.ts'
import type { Executor, Result } from '../executor.ts'
import { callFailure, commandFailure } from './failure.ts'
import type { Programs } from './program.ts'
import { type Reason, reasonOf } from './reason.ts'

/** What every call can be given. */
export interface CallOptions {
  /**
   * Ends the call. What a killed command was to do is done wholly or not at all, as the kernel
   * commits it in one step.
   */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds; overrides that of the client. */
  readonly timeoutMs?: number | undefined
}

/** What commands are run with. */
export interface Invoker {
  readonly executor: Executor
  readonly programs: Programs
  /** How long to wait for the xtables lock; `forever`, or 0 for not at all. */
  readonly waitSeconds: number | 'forever'
  readonly timeoutMs: number
}

const LOCK_FILE = '/run/xtables.lock'
/** What iptables itself exits with when the lock is busy. */
const LOCK_STATUS = 4

/** Runs `iptables` to its end. Throws only when there is no result: time limit, cancelled. */
export async function runIptables(
  invoker: Invoker,
  args: readonly string[],
  options: CallOptions = {},
): Promise<Result> {
  const { iptables, features } = invoker.programs
  // In front: after the rule, a rule that ends in an option without its value would swallow it.
  const wait = features.wait ? waitArguments(invoker, features.waitSeconds) : []
  return run(invoker, [iptables, ...wait, ...args], { options, ownLock: !features.wait })
}

/** Like `runIptables`, but throws for any status other than 0. Returns its stdout. */
export async function iptables(
  invoker: Invoker,
  args: readonly string[],
  options: CallOptions = {},
): Promise<string> {
  const result = await runIptables(invoker, args, options)
  if (result.status === 0) return result.stdout
  throw refusal(invoker, args, result)
}

export async function runRestore(
  invoker: Invoker,
  text: string,
  options: CallOptions = {},
): Promise<Result> {
  const { restore, features } = invoker.programs
  const wait = features.restoreWait ? waitArguments(invoker, true) : []
  return run(invoker, [restore, '--noflush', ...wait], {
    options,
    ownLock: !features.restoreWait,
    input: text,
  })
}

/** `iptables-save -t TABLE -c`, or of all tables that are in use. */
export async function runSave(
  invoker: Invoker,
  table: string | undefined,
  options: CallOptions = {},
): Promise<string> {
  const argv = [invoker.programs.save, ...(table === undefined ? [] : ['-t', table]), '-c']
  const result = await run(invoker, argv, { options, ownLock: false })
  if (result.status === 0) return result.stdout
  throw commandFailure({ reason: reasonOf(result), argv, result })
}

/** The error for a command that did not end with 0. */
export function refusal(
  { programs }: Invoker,
  args: readonly string[],
  result: Result,
  reason: Reason = reasonOf(result),
): FwctlError {
  return commandFailure({ reason, argv: [programs.iptables, ...args], result })
}

function waitArguments({ waitSeconds }: Invoker, takesSeconds: boolean): readonly string[] {
  if (waitSeconds === 0) return []
  return waitSeconds === 'forever' || !takesSeconds ? ['--wait'] : ['--wait', String(waitSeconds)]
}

async function run(
  invoker: Invoker,
  argv: readonly string[],
  input: { readonly options: CallOptions; readonly ownLock: boolean; readonly input?: string },
): Promise<Result> {
  const { executor, programs } = invoker
  const { options } = input
  const nul = argv.find((word) => word.includes('\0'))
  if (nul !== undefined) throw callFailure('invalid-rule', 'A word holds a NUL byte', { argv })
  // nft needs no lock, and no nft version is too old to know --wait.
  const locked = input.ownLock && programs.dialect.backend === 'legacy'
  const [program, ...args] = locked ? [...lockArguments(invoker), ...argv] : argv
  const timeoutMs = options.timeoutMs ?? invoker.timeoutMs
  const started = performance.now()
  try {
    const result = await executor.run({
      program: program as string,
      args,
      timeoutMs,
      signal: options.signal,
      ...(input.input === undefined ? {} : { input: input.input }),
    })
    if (!locked || result.status !== LOCK_STATUS || result.stderr !== '') return result
    return { ...result, stderr: 'Another app is currently holding the xtables lock.\n' }
  } catch (error) {
    if (!(error instanceof FwctlError)) throw error
    const timedOut = performance.now() - started >= timeoutMs
    const reason: Reason =
      error.code === 'cancelled'
        ? 'cancelled'
        : error.code === 'missing-program'
          ? 'missing-program'
          : timedOut
            ? 'timeout'
            : 'unknown'
    throw new FwctlError(error.code, error.message, {
      cause: error,
      details: { ...error.details, reason, argv },
    })
  }
}

/** Before 1.4.20 iptables takes no lock: others that do would have their changes lost. */
function lockArguments({ waitSeconds }: Invoker): string[] {
  const wait = waitSeconds === 'forever' ? [] : ['--wait', String(waitSeconds)]
  return ['flock', ...wait, '--conflict-exit-code', String(LOCK_STATUS), LOCK_FILE]
}

/** What can go wrong with an operation. Exit codes are mapped from these in one place, cli/. */
export type ErrorCode =
  /** The input has findings of severity error; they are in `details`. Exit 1. */
  | 'invalid-input'
  /** A program that fwctl needs is not there. Exit 1. */
  | 'missing-program'
  /** A child process failed, was killed or ran out of time. Exit 1. */
  | 'command-failed'
  /** The host could not be reached, or no longer; a change that was under way may be half done. Exit 1. */
  | 'connection-lost'
  /** The caller lacks root or a capability. Exit 1. */
  | 'no-permission'
  /** The live ruleset could not be read in full. Exit 1. */
  | 'live-unreadable'
  /** A saved plan or snapshot is damaged or was changed. Exit 3. */
  | 'untrusted-file'
  /** The live state is not the one that the plan was made from. Exit 3. */
  | 'stale-plan'
  /** The batch failed in the scratch namespace, or its read-back differs. Exit 3. */
  | 'rehearsal-failed'
  /** A safety check refuses. Exit 3. */
  | 'refused'
  /** Applying failed and the host is as it was before. Exit 4. */
  | 'rolled-back'
  /** Applying failed and so did the way back. Exit 5. */
  | 'rollback-incomplete'
  /** The command line is wrong. Exit 64. */
  | 'usage'
  /** Another fwctl holds the lock. Exit 75. */
  | 'lock-busy'
  /** Ctrl-C or an AbortSignal; the host is whole. Exit 130. */
  | 'cancelled'

/**
 * The one error class. `message` says what happened, whether the host was touched, and what to do
 * next. `details` holds data for programs (diagnostics, argv, exit status, stderr).
 */
export class FwctlError extends Error {
  override readonly name = 'FwctlError'
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      readonly cause?: unknown
      readonly details?: Readonly<Record<string, unknown>>
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = options.details ?? {}
  }
}

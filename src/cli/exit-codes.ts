import type { ErrorCode } from '../base/error.ts'

/** What scripts rely on. Never reused for anything else. */
export const EXIT = {
  done: 0,
  /** An error, or findings. */
  failed: 1,
  /** `plan --detailed-exitcode`: changes are pending. */
  pending: 2,
  /** A safety check refused; nothing was changed. */
  refused: 3,
  /** Applying failed; the host is as it was before. */
  rolledBack: 4,
  /** Applying failed, and so did the way back. */
  rollbackIncomplete: 5,
  usage: 64,
  bug: 70,
  lockBusy: 75,
  cancelled: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export const EXIT_OF_ERROR: Readonly<Record<ErrorCode, ExitCode>> = {
  'invalid-input': EXIT.failed,
  'missing-program': EXIT.failed,
  'command-failed': EXIT.failed,
  'connection-lost': EXIT.failed,
  'no-permission': EXIT.failed,
  'live-unreadable': EXIT.failed,
  'untrusted-file': EXIT.refused,
  'stale-plan': EXIT.refused,
  'rehearsal-failed': EXIT.refused,
  refused: EXIT.refused,
  'rolled-back': EXIT.rolledBack,
  'rollback-incomplete': EXIT.rollbackIncomplete,
  usage: EXIT.usage,
  'lock-busy': EXIT.lockBusy,
  cancelled: EXIT.cancelled,
}

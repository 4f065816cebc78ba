import { type ErrorCode, FwctlError } from '../../base/error.ts'
import { describeResult, type Result } from '../executor.ts'
import type { Reason } from './reason.ts'

const CODES: Readonly<Partial<Record<Reason, ErrorCode>>> = {
  'lock-busy': 'lock-busy',
  permission: 'no-permission',
  cancelled: 'cancelled',
  'missing-program': 'missing-program',
}

/** A call that iptables refused, with all that is known of it in `details`. */
export function commandFailure(input: {
  readonly reason: Reason
  /** The program and its arguments. */
  readonly argv: readonly string[]
  readonly result: Result
  readonly details?: Readonly<Record<string, unknown>>
}): FwctlError {
  const { reason, argv, result, details } = input
  const committed = (details?.committed ?? []) as readonly string[]
  const touched =
    committed.length === 0
      ? 'Nothing was changed.'
      : `Changed already: table ${committed.join(', ')}.`
  return new FwctlError(
    CODES[reason] ?? 'command-failed',
    `${argv.map(shown).join(' ')}: ${describeResult(result)} (${reason}). ${touched}`,
    {
      details: {
        reason,
        argv,
        status: result.status,
        signal: result.signal,
        stderr: result.stderr,
        ...details,
      },
    },
  )
}

/** A call that was refused before anything was run. */
export function callFailure(
  reason: Reason,
  message: string,
  details: Readonly<Record<string, unknown>> = {},
): FwctlError {
  return new FwctlError(
    CODES[reason] ?? (reason === 'invalid-rule' ? 'invalid-input' : 'command-failed'),
    `${message} (${reason}). Nothing was changed.`,
    { details: { reason, ...details } },
  )
}

/** A word as a shell would need it, so that the message can be pasted. */
function shown(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

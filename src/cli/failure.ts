/** What ended a run early, in words for people, and its exit code. */
import type { Diagnostic } from '../base/diagnostic.ts'
import { FwctlError } from '../base/error.ts'
import { diagnosticsText } from '../report/diagnostics.ts'
import { EXIT, EXIT_OF_ERROR, type ExitCode } from './exit-codes.ts'

const ISSUES = 'the fwctl issue tracker'

export interface FailureOutput {
  readonly complain: (text: string) => void
  readonly colour: boolean
  /** Shows where in the code a bug struck. */
  readonly stack: boolean
}

export function reportFailure(error: unknown, output: FailureOutput): ExitCode {
  const { complain, colour } = output
  if (error instanceof FwctlError) {
    complain(diagnosticsText(diagnosticsOf(error), { colour, sources: sourcesOf(error) }))
    complain(`fwctl: ${error.message}\n`)
    if (output.stack) complain(`${error.stack}\n`)
    return EXIT_OF_ERROR[error.code]
  }
  if (isSystemError(error)) {
    complain(`fwctl: ${describeSystemError(error)}\n`)
    return EXIT.failed
  }
  const message = error instanceof Error ? error.message : String(error)
  complain(
    `fwctl: this is a bug in fwctl: ${message}\n` +
      (output.stack && error instanceof Error
        ? `${error.stack}\n`
        : `Run it again with --log-level debug and report what it prints to ${ISSUES}.\n`),
  )
  return EXIT.bug
}

/** What was found in the input, where that is why it failed. */
function diagnosticsOf({ code, details }: FwctlError): readonly Diagnostic[] {
  const { diagnostics } = details
  if (!Array.isArray(diagnostics)) return []
  if (code === 'invalid-input') return diagnostics
  // What is no dump at all may have thousands; of a single one the message says everything.
  return code === 'live-unreadable' && diagnostics.length > 1 ? diagnostics.slice(0, 20) : []
}

function sourcesOf({ details: { sources } }: FwctlError): ReadonlyMap<string, string> {
  return sources instanceof Map ? sources : new Map()
}

/** The disk is full, a folder is not there, a file may not be written: nobody's bug. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  ENOENT: 'there is no such file or directory',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is not a directory',
  EROFS: 'the file system is read-only',
}

function describeSystemError(error: NodeJS.ErrnoException): string {
  const reason = REASONS[error.code ?? ''] ?? error.message
  return error.path === undefined ? `${error.syscall}: ${reason}` : `${error.path}: ${reason}`
}

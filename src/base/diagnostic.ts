/**
 * Findings in the user's input are data. Stages collect them all and never throw on bad input;
 * the command line and the reports decide what to do with them.
 */

/** Every code a diagnostic can carry: also the heading in the docs. Kebab case, never reused. */
export type DiagnosticCode =
  // reading a policy
  | 'file-unreadable'
  | 'file-too-large'
  | 'yaml-syntax'
  | 'yaml-duplicate-key'
  | 'yaml-alias-limit'
  | 'schema'
  | 'unknown-key'
  | 'wrong-type'
  | 'missing-key'
  | 'include-outside-root'
  | 'include-cycle'
  | 'include-not-found'
  | 'duplicate-definition'
  | 'unknown-group'
  | 'group-cycle'
  | 'unknown-variable'
  | 'missing-value'
  | 'empty-group'
  | 'dropped-from-family'
  | 'family-mismatch'
  // names and references
  | 'chain-name'
  | 'chain-duplicate'
  | 'policy-not-allowed'
  | 'dangling-jump'
  | 'jump-loop'
  | 'jump-to-builtin'
  | 'control-character'
  | 'text-too-long'
  | 'line-too-long'
  // rules
  | 'rule-syntax'
  | 'unknown-option'
  | 'unknown-extension'
  | 'invalid-value'
  | 'missing-option'
  | 'conflicting-options'
  | 'not-negatable'
  | 'needs-protocol'
  | 'wrong-family'
  | 'wrong-table'
  | 'wrong-hook'
  | 'wrong-backend'
  | 'host-name'
  | 'octal-address'
  | 'never-matches'
  | 'matches-everything'
  | 'changes-meaning'
  | 'list-not-negatable'
  | 'rule-expired'
  | 'rule-expires-soon'
  // dumps
  | 'dump-syntax'
  | 'dump-truncated'
  | 'dump-incompatible'
  | 'dump-foreign'
  // host
  | 'foreign-reference'
  | 'undeclared-removed'
  | 'foreign-removed'
  | 'hook-hides-rules'
  | 'rehearsal-skipped'
  | 'backend-mixed'
  | 'set-missing'
  | 'set-dimension'
  | 'set-in-use'

export type Severity = 'error' | 'warning' | 'info'

/** A place in a file the user wrote. Lines and columns count from 1. */
export interface Position {
  readonly file: string
  readonly line: number
  readonly column: number
}

export interface Diagnostic extends Partial<Position> {
  readonly code: DiagnosticCode
  readonly severity: Severity
  /** What is wrong, one sentence without a trailing newline. */
  readonly message: string
  /** What to do about it. */
  readonly hint?: string
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((d) => d.severity === 'error')
}

/** `file:line:column`, as far as it is known; empty when nothing is. */
export function formatPosition(at: Partial<Position>): string {
  if (at.file === undefined) return at.line === undefined ? '' : `${at.line}:${at.column ?? 1}`
  return at.line === undefined ? at.file : `${at.file}:${at.line}:${at.column ?? 1}`
}

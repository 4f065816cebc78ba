import type { DiagnosticCode } from '../base/diagnostic.ts'

/** What is wrong with a part of a set; the caller knows where it is written. */
export interface SetProblem {
  readonly code: DiagnosticCode
  readonly message: string
  readonly hint?: string
}

export function problem(code: DiagnosticCode, message: string, hint?: string): SetProblem {
  return hint === undefined ? { code, message } : { code, message, hint }
}

export function isProblem<T extends object>(value: T | SetProblem): value is SetProblem {
  return 'code' in value && 'message' in value
}

import type { Diagnostic, DiagnosticCode, Position, Severity } from '../base/diagnostic.ts'

/** Collects diagnostics; what several families or expansions have in common is kept once. */
export interface Findings {
  readonly list: () => readonly Diagnostic[]
  readonly error: (code: DiagnosticCode, at: Position, message: string, hint?: string) => void
  readonly add: (severity: Severity, finding: Finding) => void
}

export interface Finding {
  readonly code: DiagnosticCode
  readonly at: Position
  readonly message: string
  readonly hint?: string | undefined
}

export function startFindings(): Findings {
  const found = new Map<string, Diagnostic>()
  const add = (severity: Severity, { code, at, message, hint }: Finding): void => {
    const key = `${at.file}:${at.line}:${at.column} ${code} ${message}`
    if (found.has(key)) return
    const { file, line, column } = at
    const diagnostic = { code, severity, message, file, line, column }
    found.set(key, hint === undefined ? diagnostic : { ...diagnostic, hint })
  }
  return {
    list: () => [...found.values()],
    error: (code, at, message, hint) => add('error', { code, at, message, hint }),
    add,
  }
}

/** Takes errors, and nothing less. */
export function errorsOf(findings: Findings): Findings {
  return {
    ...findings,
    add: (severity, finding) => {
      if (severity === 'error') findings.add(severity, finding)
    },
  }
}

/** The same findings; tells how often something was reported to it, whether it was known already or not. */
export function countingFindings(findings: Findings): Findings & { readonly count: () => number } {
  let count = 0
  return {
    list: findings.list,
    error: (...finding) => {
      count++
      findings.error(...finding)
    },
    add: (severity, finding) => {
      count++
      findings.add(severity, finding)
    },
    count: () => count,
  }
}

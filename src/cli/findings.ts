/** Diagnostics of the input on their way to the user. */
import { type Diagnostic, hasErrors } from '../base/diagnostic.ts'
import { FwctlError } from '../base/error.ts'
import { diagnosticsText } from '../report/diagnostics.ts'
import { plural } from '../report/words.ts'
import type { Context } from './context.ts'

export type Sources = ReadonlyMap<string, string>

/** As they stand in the files; each once, whatever number of stages and families found it. */
export function inFileOrder(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const once = new Map(diagnostics.map((found) => [JSON.stringify(found), found]))
  return [...once.values()].sort(
    (a, b) =>
      compare(a.file ?? '', b.file ?? '') ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0),
  )
}

/** Shows them on stderr; `--quiet` leaves out what is mere information. */
export function showFindings(
  diagnostics: readonly Diagnostic[],
  { complain, colour, options }: Pick<Context, 'complain' | 'colour' | 'options'>,
  sources: Sources = new Map(),
): void {
  const shown = options.quiet
    ? diagnostics.filter((found) => found.severity !== 'info')
    : diagnostics
  complain(diagnosticsText(inFileOrder(shown), { colour: colour.stderr, sources }))
}

/** Throws `invalid-input` with all of them, warnings too, if one is an error. */
export function refuseErrors(diagnostics: readonly Diagnostic[], sources: Sources): void {
  if (!hasErrors(diagnostics)) return
  throw new FwctlError('invalid-input', `${countFindings(diagnostics)}. Nothing was changed.`, {
    details: { diagnostics: inFileOrder(diagnostics), sources },
  })
}

/** `2 errors, 1 warning` */
export function countFindings(diagnostics: readonly Diagnostic[]): string {
  const found = inFileOrder(diagnostics)
  const parts = (['error', 'warning'] as const).flatMap((severity) => {
    const count = found.filter((one) => one.severity === severity).length
    return count === 0 ? [] : [plural(count, severity)]
  })
  return parts.join(', ')
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

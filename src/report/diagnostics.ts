import { type Diagnostic, formatPosition, type Severity } from '../base/diagnostic.ts'
import { printable } from './printable.ts'
import { makeStyle, type Style } from './style.ts'

/**
 * One finding after the other, each with the line of source that it is about, where `sources` has
 * the text of that file. Empty when there is nothing to say.
 */
export function diagnosticsText(
  diagnostics: readonly Diagnostic[],
  options: { readonly colour: boolean; readonly sources?: ReadonlyMap<string, string> },
): string {
  const style = makeStyle(options.colour)
  return diagnostics
    .flatMap((diagnostic) => [
      headLine(diagnostic, style),
      ...excerpt(diagnostic, options.sources, style),
      ...(diagnostic.hint === undefined
        ? []
        : [`  ${style.cyan('hint:')} ${printable(shorten(diagnostic.hint))}`]),
    ])
    .map((line) => `${line}\n`)
    .join('')
}

/** As schemas/diagnostics.schema.json says it. */
export function diagnosticsJson(diagnostics: readonly Diagnostic[]): string {
  const count = (severity: Severity): number =>
    diagnostics.filter((diagnostic) => diagnostic.severity === severity).length
  const value = {
    formatVersion: '1.0',
    summary: { errors: count('error'), warnings: count('warning'), infos: count('info') },
    diagnostics: diagnostics.map(diagnosticJson),
  }
  return `${JSON.stringify(value, null, 2)}\n`
}

/** In a fixed order of keys, whatever the stage that found it wrote. */
export function diagnosticJson(diagnostic: Diagnostic): Diagnostic {
  const { code, severity, message, hint, file, line, column } = diagnostic
  return {
    code,
    severity,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line }),
    ...(column === undefined ? {} : { column }),
  }
}

function headLine(diagnostic: Diagnostic, style: Style): string {
  const { severity, message, code } = diagnostic
  const paint = { error: style.red, warning: style.yellow, info: style.cyan }[severity]
  const position = formatPosition(diagnostic)
  const at = position === '' ? '' : `${style.bold(printable(position))}: `
  return `${at}${paint(severity)}: ${printable(shorten(message))} ${style.dim(`[${code}]`)}`
}

/** The source line with a caret under the column. */
function excerpt(
  { file, line, column }: Diagnostic,
  sources: ReadonlyMap<string, string> | undefined,
  style: Style,
): string[] {
  if (file === undefined || line === undefined) return []
  const source = sources?.get(file)?.split('\n')[line - 1]?.trimEnd()
  if (source === undefined || source.trim() === '') return []
  const number = `${line}`.padStart(5)
  const { before, after } = clip(source, (column ?? 1) - 1)
  const caret = column === undefined ? undefined : before.length
  return [
    `${style.dim(`${number} |`)} ${before}${after}`,
    ...(caret === undefined
      ? []
      : [`${style.dim('      |')} ${' '.repeat(caret)}${style.red('^')}`]),
  ]
}

/** Of a line around what it is about: JSON on one line may be megabytes. */
const BEFORE = 100
const AFTER = 140

/** What is shown left and right of the caret. */
function clip(source: string, at: number): { readonly before: string; readonly after: string } {
  const start = at > BEFORE ? at - BEFORE : 0
  const end = source.length > at + AFTER ? at + AFTER : source.length
  return {
    before: `${start > 0 ? '…' : ''}${printable(source.slice(start, at))}`,
    after: `${printable(source.slice(at, end))}${end < source.length ? '…' : ''}`,
  }
}

/** A message may quote a value, and that may be megabytes, too. */
const MESSAGE = 1000

function shorten(text: string): string {
  return text.length > MESSAGE ? `${text.slice(0, MESSAGE)}…` : text
}

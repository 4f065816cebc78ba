/** Reads the main file of a policy and everything that it includes. */
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path/posix'
import type { Diagnostic, DiagnosticCode, Position } from '../base/diagnostic.ts'
import { readDocument } from './document.ts'
import type { PolicyFiles } from './files.ts'
import { type FoldRule, startFolding } from './folded-rule.ts'
import { expandGlob, hasWildcard } from './glob.ts'
import { get, itemsOf, type ScalarValue, type Value } from './value.ts'

export interface Source {
  /** As shown to the user. */
  readonly file: string
  readonly text: string
  readonly value: Value
}

export interface Sources {
  /** The main file first, then the included ones in the order of their includes. */
  readonly sources: readonly Source[]
  readonly diagnostics: readonly Diagnostic[]
}

/** A hundred rules have as many: fewer are compiled sooner than folding them is worth its start. */
export const FOLDED_LENGTH = 10_000

/** Includes in includes beyond this are a mistake. */
const MAX_FILES = 1000

interface State {
  readonly files: PolicyFiles
  /** The real path that every file must be in. */
  readonly root: string
  /** Fills `${name}` in the paths. */
  readonly substitute: (main: Value, path: Value) => Value
  readonly sources: Source[]
  readonly diagnostics: Diagnostic[]
  /** Real paths of what is read already. */
  readonly done: Set<string>
  /** Characters that have been read so far. */
  length: number
  readonly fold: FoldRule
}

export interface ReadSourcesOptions {
  readonly files: PolicyFiles
  readonly substitute: (main: Value, path: Value) => Value
}

export function readSources(path: string, options: ReadSourcesOptions): Sources {
  const { files, substitute } = options
  const folder = path === '-' ? '.' : dirname(path)
  const root = files.realPath(folder) ?? resolve(folder)
  const state: State = {
    files,
    root,
    substitute,
    sources: [],
    diagnostics: [],
    done: new Set(),
    length: 0,
    fold: startFolding(),
  }
  const real = path === '-' ? join(root, '-') : (files.realPath(path) ?? resolve(path))
  readFile({ path, real, folder }, [], state)
  return { sources: state.sources, diagnostics: state.diagnostics }
}

interface File {
  readonly path: string
  readonly real: string
  /** What its includes are relative to. */
  readonly folder: string
}

function readFile(file: File, stack: readonly string[], state: State, at?: Position): void {
  state.done.add(file.real)
  const read = state.files.read(file.path)
  if ('code' in read) {
    state.diagnostics.push({
      code: read.code,
      severity: 'error',
      message: read.message,
      ...(at ?? { file: file.path }),
    })
    return
  }
  const shown = file.path === '-' ? 'stdin' : file.path
  state.length += read.text.length
  const fold = state.length < FOLDED_LENGTH ? undefined : state.fold
  const { value, diagnostics } = readDocument(read.text, shown, fold)
  state.diagnostics.push(...diagnostics)
  if (value === undefined) return
  state.sources.push({ file: shown, text: read.text, value })
  readIncludes(value, file, [...stack, file.real], state)
}

function readIncludes(value: Value, file: File, stack: readonly string[], state: State): void {
  const include = get(value, 'include')
  if (include === undefined) return
  const main = state.sources[0]?.value ?? value
  const patterns = include.kind === 'list' ? itemsOf(include) : [include]
  for (const written of patterns) {
    const pattern = state.substitute(main, written)
    if (pattern.kind !== 'scalar' || typeof pattern.value !== 'string' || pattern.unresolved)
      continue
    for (const path of findIncluded(pattern, file, state)) includeFile(path, pattern, stack, state)
  }
}

function report(
  state: State,
  code: DiagnosticCode,
  message: string,
  at: Position,
  hint?: string,
): void {
  state.diagnostics.push({
    code,
    severity: 'error',
    message,
    ...at,
    ...(hint !== undefined && { hint }),
  })
}

function findIncluded(pattern: ScalarValue, file: File, state: State): readonly string[] {
  const { text, at } = pattern
  if (!isInside(state.root, resolve(dirname(file.real), text)) && !isAbsolute(text)) {
    reportOutside(text, at, state)
    return []
  }
  if (!hasWildcard(text)) return [isAbsolute(text) ? text : join(file.folder, text)]
  const found = expandGlob(file.folder, text, state.files)
  // A wildcard takes the folder as it is: the file that includes is not one of its parts.
  const others = found.filter((path) => state.files.realPath(path) !== file.real)
  if (others.length === 0) {
    const message = `include "${text}" matches no file`
    state.diagnostics.push({ code: 'include-not-found', severity: 'warning', message, ...at })
  }
  return others
}

function reportOutside(text: string, at: Position, state: State): void {
  const message = `include "${text}" leaves the folder of the policy`
  report(
    state,
    'include-outside-root',
    message,
    at,
    `only files inside ${state.root} can be included`,
  )
}

function includeFile(
  path: string,
  pattern: ScalarValue,
  stack: readonly string[],
  state: State,
): void {
  const { text, at } = pattern
  const real = state.files.realPath(path)
  if (real === undefined) {
    report(state, 'include-not-found', `include "${text}": there is no such file`, at)
  } else if (!isInside(state.root, real)) {
    reportOutside(text, at, state)
  } else if (stack.includes(real)) {
    const cycle = [...stack.slice(stack.indexOf(real)), real].map((p) => basename(p)).join(' → ')
    report(state, 'include-cycle', `include "${text}" forms a cycle: ${cycle}`, at)
  } else if (state.sources.length >= MAX_FILES) {
    report(state, 'include-cycle', `over ${MAX_FILES} files are included`, at)
  } else if (!state.done.has(real)) {
    readFile({ path, real, folder: dirname(path) }, stack, state, at)
  }
}

export function isInside(root: string, path: string): boolean {
  const way = relative(root, path)
  return way !== '..' && !way.startsWith('../') && !isAbsolute(way)
}

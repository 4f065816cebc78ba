/**
 * What reading and compiling a policy asked of the world, and what it was told. Both are functions of
 * these answers and of nothing else, so while the answers are the same, so is what comes out.
 */
import type { Names } from '../extensions/names.ts'
import type { DirectoryEntry, PolicyFiles, ReadResult } from './files.ts'

/** Answers by question, each in the order in which it was first asked. */
export interface Asked {
  readonly reads: ReadonlyMap<string, ReadResult>
  readonly realPaths: ReadonlyMap<string, string | undefined>
  readonly lists: ReadonlyMap<string, readonly DirectoryEntry[]>
  readonly names: ReadonlyMap<string, Answer>
}

type Answer = string | number | undefined

interface Recorded extends Asked {
  readonly reads: Map<string, ReadResult>
  readonly realPaths: Map<string, string | undefined>
  readonly lists: Map<string, readonly DirectoryEntry[]>
  readonly names: Map<string, Answer>
}

export function nothingAsked(): Recorded {
  return { reads: new Map(), realPaths: new Map(), lists: new Map(), names: new Map() }
}

/** The same files, with what is asked of them written down. */
export function recordFiles(files: PolicyFiles, asked: Recorded): PolicyFiles {
  return {
    read: (path) => recorded(asked.reads, path, () => files.read(path)),
    realPath: (path) => recorded(asked.realPaths, path, () => files.realPath(path)),
    list: (directory) => recorded(asked.lists, directory, () => files.list(directory)),
  }
}

/** The same names, with what is asked of them written down. */
export function recordNames(names: Names, asked: Recorded): Names {
  const ask = <T extends Answer>(question: readonly [NameQuestion, ...unknown[]], tell: () => T) =>
    recorded(asked.names as Map<string, T>, JSON.stringify(question), tell)
  return {
    service: (name, protocol) =>
      ask(protocol === undefined ? ['service', name] : ['service', name, protocol], () =>
        names.service(name, protocol),
      ),
    protocolNumber: (name) => ask(['protocolNumber', name], () => names.protocolNumber(name)),
    protocolName: (number) => ask(['protocolName', number], () => names.protocolName(number)),
    user: (name) => ask(['user', name], () => names.user(name)),
    group: (name) => ask(['group', name], () => names.group(name)),
  }
}

/** What was asked of the files, with a way to tell whether an answer is the one of then. */
export interface AskedOfFiles extends Pick<Asked, 'realPaths' | 'lists'> {
  readonly reads: ReadonlyMap<string, (now: ReadResult) => boolean>
}

export function filesSayTheSame(
  { reads, realPaths, lists }: AskedOfFiles,
  files: PolicyFiles,
): boolean {
  for (const [path, isSame] of reads) if (!isSame(files.read(path))) return false
  for (const [path, real] of realPaths) if (files.realPath(path) !== real) return false
  for (const [directory, entries] of lists) {
    if (JSON.stringify(files.list(directory)) !== JSON.stringify(entries)) return false
  }
  return true
}

export function namesSayTheSame({ names: asked }: Pick<Asked, 'names'>, names: Names): boolean {
  for (const [question, told] of asked) {
    const [about, ...args] = JSON.parse(question) as [NameQuestion, ...never[]]
    if ((names[about] as (...args: never[]) => Answer)(...args) !== told) return false
  }
  return true
}

type NameQuestion = keyof Names

function recorded<T>(answers: Map<string, T>, question: string, tell: () => T): T {
  if (answers.has(question)) return answers.get(question) as T
  const told = tell()
  answers.set(question, told)
  return told
}

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path/posix'
import { parseSync, Visitor } from 'oxc-parser'
import { describe, expect, test } from 'vitest'

/** The folders of src/: a file may import from its own and from those before it. */
const LAYERS = [
  'base',
  'net',
  'ruleset',
  'extensions',
  'iptables',
  'ipset',
  'policy',
  'plan',
  'analysis',
  'report',
  'host',
  'fleet',
  'cli',
]

/** Everything before this folder is pure: no files, processes, clock, environment or chance. */
const FIRST_WITH_EFFECTS = 'host'

/** What below it touches the outside nevertheless, and why. */
const EFFECTS_ALLOWED = [
  'policy/files.ts', // reads the policy and the files that it includes
]

/** Node's own modules that compute and touch nothing. */
const PURE_MODULES = [
  'assert',
  'assert/strict',
  'buffer',
  'crypto',
  'path',
  'path/posix',
  'url',
  'util',
  'zlib',
]

/** One place runs processes, one knows YAML, one logs, one reads the command line. */
const HOME_OF_PACKAGE: Readonly<Record<string, string>> = {
  execa: 'host',
  yaml: 'policy',
  pino: 'cli',
  commander: 'cli',
}

const SRC = join(import.meta.dirname, '../src')
const FACADES: readonly string[] = ['index.ts', 'client.ts']
const BIN = 'main.ts'

interface Import {
  readonly specifier: string
  /** The imported file, relative to src/; undefined for a package or a file outside of src/. */
  readonly file: string | undefined
  readonly lazy: boolean
  readonly typeOnly: boolean
}

interface SourceFile {
  /** Relative to src/. */
  readonly path: string
  /** The folder of src/ that it is in; empty for the files of src/ itself. */
  readonly folder: string
  readonly imports: readonly Import[]
  readonly reexports: boolean
  readonly impureGlobals: readonly string[]
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.[jt]s$/.test(path) && !path.endsWith('.d.ts'))
  .sort()
  .map(readSource)

const pureFiles = files.filter(
  ({ path, folder }) =>
    level(folder) < level(FIRST_WITH_EFFECTS) && !EFFECTS_ALLOWED.includes(path),
)

describe('the layers of src/', () => {
  test('every file is in the folder of a layer, except for the facades and the bin', () => {
    const homeless = files.filter(
      ({ path, folder }) => !LAYERS.includes(folder) && !FACADES.includes(path) && path !== BIN,
    )
    expect(homeless.map(({ path }) => path)).toEqual([])
  })

  test('a file imports only from its own folder or an earlier one', () => {
    const upward = (file: SourceFile, target: string) =>
      level(folderOf(target)) > level(file.folder)
    expect(
      findImports(files, (file, { file: target }) => !!target && upward(file, target)),
    ).toEqual([])
  })

  test('no file imports itself through others', () => {
    expect(findCycle()).toEqual([])
  })

  test('only the facades re-export', () => {
    const barrels = files.filter(({ path, reexports }) => reexports && !FACADES.includes(path))
    expect(barrels.map(({ path }) => path)).toEqual([])
  })

  test('nothing imports the facades or the bin, but for one facade the other', () => {
    const others = files.filter(({ path }) => !FACADES.includes(path))
    const isFace = (file = ''): boolean => [...FACADES, BIN].includes(file)
    expect(findImports(others, (_, { file }) => isFace(file))).toEqual([])
  })

  test('the bin loads the rest of fwctl lazily, so that it starts as fast as Node', () => {
    const bin = files.filter(({ path }) => path === BIN)
    const eager = ({ specifier, lazy, typeOnly }: Import) =>
      !lazy && !typeOnly && !specifier.startsWith('node:') && !specifier.endsWith('.json')
    expect(findImports(bin, (_, imported) => eager(imported))).toEqual([])
  })
})

describe('effects', () => {
  test(`below ${FIRST_WITH_EFFECTS}/ only modules of Node that compute are imported`, () => {
    const impure = ({ specifier }: Import) =>
      specifier.startsWith('node:') && !PURE_MODULES.includes(specifier.slice('node:'.length))
    expect(findImports(pureFiles, (_, imported) => impure(imported))).toEqual([])
  })

  test(`below ${FIRST_WITH_EFFECTS}/ nobody uses the process, the clock, timers, chance or the network`, () => {
    const uses = pureFiles.flatMap(({ path, impureGlobals }) =>
      impureGlobals.map((name) => `${path} uses ${name}`),
    )
    expect(uses).toEqual([])
  })

  test('a module of Node is imported by its node: name', () => {
    const bare = (specifier: string) =>
      ['fs', 'fs/promises', 'child_process', 'process'].includes(specifier)
    expect(findImports(files, (_, { specifier }) => bare(specifier))).toEqual([])
  })

  test.each(Object.entries(HOME_OF_PACKAGE))('%s is imported in %s/ only', (name, home) => {
    const elsewhere = (file: SourceFile, { specifier }: Import) =>
      (specifier === name || specifier.startsWith(`${name}/`)) && file.folder !== home
    expect(findImports(files, elsewhere)).toEqual([])
  })
})

test('no rule is spread: what a rule of a dump has not read yet would be lost', () => {
  const spreads = files.flatMap(({ path }) => {
    const text = readFileSync(join(SRC, path), 'utf8')
    return /\{ \.\.\.(?:\w*[rR]ule|live|found)\b(?![.(?])[^}]*(?:counters|origin|text)/.test(text)
      ? [path]
      : []
  })
  expect(spreads).toEqual([])
})

function level(folder: string): number {
  return folder === '' ? LAYERS.length : LAYERS.indexOf(folder)
}

function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : ''
}

/** The imports that break a rule, as sentences. */
function findImports(
  among: readonly SourceFile[],
  breaks: (file: SourceFile, imported: Import) => boolean,
): string[] {
  return among.flatMap((file) =>
    file.imports
      .filter((imported) => breaks(file, imported))
      .map(({ specifier }) => `${file.path} imports ${specifier}`),
  )
}

/** The files of the first import cycle, in order; empty when there is none. */
function findCycle(): readonly string[] {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const done = new Set<string>()

  const visit = (path: string, trail: readonly string[]): readonly string[] => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path]
    if (done.has(path)) return []
    for (const { file } of byPath.get(path)?.imports ?? []) {
      const cycle = file === undefined ? [] : visit(file, [...trail, path])
      if (cycle.length > 0) return cycle
    }
    done.add(path)
    return []
  }

  for (const { path } of files) {
    const cycle = visit(path, [])
    if (cycle.length > 0) return cycle
  }
  return []
}

function readSource(path: string): SourceFile {
  const text = readFileSync(join(SRC, path), 'utf8')
  const { module, program } = parseSync(path, text)
  const exportEntries = module.staticExports.flatMap(({ entries }) => entries)
  const imported = (specifier: string, how: { lazy: boolean; typeOnly: boolean }): Import => {
    const target = join(dirname(path), specifier)
    const inside = specifier.startsWith('.') && !target.startsWith('..')
    return { specifier, file: inside ? target : undefined, ...how }
  }
  return {
    path,
    folder: folderOf(path),
    imports: [
      ...module.staticImports.map(({ moduleRequest, entries }) =>
        imported(moduleRequest.value, {
          lazy: false,
          typeOnly: entries.length > 0 && entries.every(({ isType }) => isType),
        }),
      ),
      ...exportEntries.flatMap(({ moduleRequest, isType }) =>
        moduleRequest === null
          ? []
          : imported(moduleRequest.value, { lazy: false, typeOnly: isType }),
      ),
      ...module.dynamicImports.map(({ moduleRequest: { start, end } }) =>
        imported(text.slice(start + 1, end - 1), { lazy: true, typeOnly: false }),
      ),
    ],
    reexports: exportEntries.some(({ moduleRequest }) => moduleRequest !== null),
    impureGlobals: findImpureGlobals(program),
  }
}

function findImpureGlobals(program: Parameters<Visitor['visit']>[0]): string[] {
  const objects = ['process', 'console', 'performance', 'globalThis']
  const functions = ['fetch', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']
  const members = ['Date.now', 'Math.random']
  const found: string[] = []
  new Visitor({
    MemberExpression({ object, property }) {
      if (object.type !== 'Identifier') return
      const name = `${object.name}.${property.type === 'Identifier' ? property.name : '…'}`
      if (objects.includes(object.name) || members.includes(name)) found.push(name)
    },
    CallExpression({ callee }) {
      if (callee.type === 'Identifier' && functions.includes(callee.name)) found.push(callee.name)
    },
    NewExpression({ callee, arguments: given }) {
      const readsClock =
        callee.type === 'Identifier' && callee.name === 'Date' && given.length === 0
      if (readsClock) found.push('new Date()')
    },
  }).visit(program)
  return found
}

/** Policies in memory, compiled and shown as lines: what the tests of this folder compare. */
import { dirname, normalize } from 'node:path/posix'
import { type Diagnostic, hasErrors } from '../../src/base/diagnostic.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import type { PolicyFiles } from '../../src/policy/files.ts'
import { type LoadOptions, loadPolicy } from '../../src/policy/load.ts'
import { danglingJumps } from '../../src/policy/references.ts'
import { type Dialect, FAMILIES, type Family } from '../../src/ruleset/model.ts'

export function dialect(family: Family): Dialect {
  return { family, backend: 'nft', version: [1, 8, 9] }
}

/** Files by absolute path; a value that begins with `-> ` is a symbolic link. */
export function memoryFiles(files: Readonly<Record<string, string>>): PolicyFiles {
  const follow = (path: string): string => {
    const normal = normalize(path)
    const text = files[normal]
    return text?.startsWith('-> ') ? text.slice(3) : normal
  }
  const isFolder = (path: string): boolean =>
    Object.keys(files).some((f) => f.startsWith(`${path}/`))
  return {
    read: (path) => {
      const text = files[follow(path)]
      return text === undefined ? { code: 'file-unreadable', message: `no ${path}` } : { text }
    },
    realPath: (path) => {
      const real = follow(path)
      return files[real] === undefined && !isFolder(real) ? undefined : real
    },
    list: (directory) => {
      const names = Object.keys(files)
        .filter((file) => file.startsWith(`${directory}/`))
        .map((file) => file.slice(directory.length + 1).split('/'))
      return [...new Map(names.map((n) => [n[0] as string, n.length > 1])).entries()].map(
        ([name, isDirectory]) => ({ name, isDirectory }),
      )
    },
  }
}

export interface Compiled {
  /** `FAMILY TABLE CHAIN RULE`, and `FAMILY TABLE CHAIN = POLICY`. */
  readonly lines: readonly string[]
  /** `LINE:COLUMN CODE`, with the file before it when it is not the main one. */
  readonly found: readonly string[]
  readonly diagnostics: readonly Diagnostic[]
}

const MAIN = '/p/policy.yaml'

export function compileText(
  text: string,
  more: Readonly<Record<string, string>> = {},
  options: Partial<LoadOptions> = {},
): Compiled {
  const files = memoryFiles({ [MAIN]: text, ...more })
  const loaded = loadPolicy(MAIN, { files, ...options })
  const compiled =
    loaded.policy &&
    compilePolicy(loaded.policy, { dialects: { ipv4: dialect('ipv4'), ipv6: dialect('ipv6') } })
  const diagnostics = [
    ...loaded.diagnostics,
    ...(compiled?.diagnostics ?? []),
    ...danglingJumps(compiled?.externalJumps ?? [], () => false),
  ]
  const desired = hasErrors(diagnostics) ? {} : (compiled?.desired ?? {})
  const lines = FAMILIES.flatMap((family) =>
    (desired[family]?.tables ?? []).flatMap((table) =>
      table.chains.flatMap((chain) => [
        ...(chain.policy ? [`${family} ${table.name} ${chain.name} = ${chain.policy}`] : []),
        ...chain.rules.map((rule) => `${family} ${table.name} ${chain.name} ${rule.text}`),
      ]),
    ),
  )
  return { lines, found: diagnostics.map(show), diagnostics }
}

function show({ file, line, column, code }: Diagnostic): string {
  const name = file === MAIN ? '' : `${file?.slice(dirname(MAIN).length + 1)}:`
  return `${name}${line}:${column} ${code}`
}

/** A policy with these rules in filter INPUT; the first one is in line 2. */
export function withRules(...rules: readonly string[]): string {
  return `{ apiVersion: fwctl/v1, tables: { filter: { chains: { OTHER: {}, INPUT: { rules: [\n${rules.join(',\n')}\n] } } } } }\n`
}

/** The rules of filter INPUT in one family. */
export function inputRules({ lines }: Compiled, family: Family): string[] {
  const prefix = `${family} filter INPUT `
  return lines.filter((l) => l.startsWith(prefix)).map((l) => l.slice(prefix.length))
}

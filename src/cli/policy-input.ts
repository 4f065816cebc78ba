/** The policy that the command line names, read and compiled. */
import { resolve } from 'node:path'
import { hasErrors } from '../base/diagnostic.ts'
import { FwctlError } from '../base/error.ts'
import { BUILTIN_NAMES } from '../extensions/builtin-names.ts'
import { nothingAsked, recordFiles, recordNames } from '../policy/asked.ts'
import { type CompiledPolicy, type CompileOptions, compilePolicy } from '../policy/compile.ts'
import { diskFiles, type PolicyFiles } from '../policy/files.ts'
import { type LoadedPolicy, loadPolicy } from '../policy/load.ts'
import { type Backend, type Dialect, FAMILIES, type Family } from '../ruleset/model.ts'
import type { Context } from './context.ts'
import { readInput } from './files.ts'
import { openPolicyCache } from './policy-cache.ts'
import { entryBytes, type PolicyFacts } from './policy-entry.ts'
import { whileReading } from './progress.ts'
import { DEFAULT_POLICY } from './verb.ts'

/** A policy that was read, now or in an earlier run. */
export interface PolicyInput extends Pick<LoadedPolicy, 'diagnostics' | 'digest'> {
  /** Undefined when there is nothing that could be looked at further. */
  readonly policy?: PolicyFacts
  /** The texts that were read, by the names that diagnostics call them. */
  readonly sources: ReadonlyMap<string, string>
  /** What it comes to; the same whether it is compiled now or was in an earlier run. */
  readonly compile: (options: Required<CompileOptions>) => CompiledPolicy
}

/** Findings are in `diagnostics`; throws `usage` for a malformed option. */
export async function readPolicy(context: Context): Promise<PolicyInput> {
  const { options } = context
  const path = context.args[0] ?? DEFAULT_POLICY
  const dump = [options.live4, options.live6].find((live) => live === '-')
  refuseSharedStdin([path, ...options.values, dump])
  const sources = new Map<string, string>()
  const stdin = [path, ...options.values].includes('-') ? await readInput('-', context) : ''
  const asked = nothingAsked()
  const files = recordFiles(policyFiles({ cwd: context.cwd, stdin, sources }), asked)
  const variables = parseVariables(options.var)
  const main = files.read(path)
  if ('code' in main && context.args[0] === undefined) {
    throw new FwctlError(
      'usage',
      `There is no ${DEFAULT_POLICY} here. Name the policy: fwctl <verb> POLICY.`,
    )
  }
  const { values, for: host } = options
  const key = cacheKey({ path, variables, values, host }, context)
  const cache = 'text' in main ? openPolicyCache({ key, text: main.text }, context) : undefined
  const slowly = <T>(work: () => T): T =>
    whileReading('text' in main ? main.text : '', work, context)
  let loaded: LoadedPolicy | undefined
  const load = (): LoadedPolicy => {
    const given = { files, variables, values, ...(host !== undefined && { host }) }
    loaded ??= slowly(() => loadPolicy(path, given))
    return loaded
  }
  const compile = (compileOptions: Required<CompileOptions>): CompiledPolicy => {
    const { policy, diagnostics, digest } = load()
    if (policy === undefined) return NOTHING_COMPILED
    const names = recordNames(compileOptions.names, asked)
    const compiled = slowly(() => compilePolicy(policy, { ...compileOptions, names }))
    if (cache !== undefined && !hasErrors([...diagnostics, ...compiled.diagnostics])) {
      const { file, families, ownership } = policy
      const read = { policy: { file, families, ownership }, diagnostics, digest: digest() }
      const bytes = entryBytes(key, { ...read, options: compileOptions, compiled }, asked)
      if (bytes !== undefined) cache.store(bytes)
    }
    return compiled
  }
  const found = cache?.find(files)
  if (found === undefined) return { ...load(), sources, compile }
  const { policy, diagnostics, digest } = found
  return {
    policy,
    diagnostics,
    digest: () => digest,
    sources,
    compile: (compileOptions) => found.compiledFor(compileOptions) ?? compile(compileOptions),
  }
}

const NOTHING_COMPILED: CompiledPolicy = {
  desired: {},
  externalJumps: [],
  sets: [],
  externalSets: [],
  diagnostics: [],
}

/** All that a policy depends on and that is not read from files. */
function cacheKey(
  about: {
    readonly path: string
    readonly variables: Readonly<Record<string, string>>
    readonly values: readonly string[]
    readonly host: string | undefined
  },
  { build, cwd, options }: Context,
): string {
  const { path, variables, values, host = null } = about
  const given = Object.entries(variables).sort(([a], [b]) => (a < b ? -1 : 1))
  // Where hosts with another back end are looked after in turn, they do not take each other's place.
  const { backend, netns = null, container = null, host: machine = null } = options
  return JSON.stringify([build, cwd, path, given, values, host, backend, netns, container, machine])
}

/** The second reader would find nothing, and an empty dump is a host without rules. */
function refuseSharedStdin(paths: readonly (string | undefined)[]): void {
  if (paths.filter((path) => path === '-').length < 2) return
  throw new FwctlError('usage', 'Only one file can be read from stdin: "-" is there twice.')
}

/** Compiled for a host that is not asked; in full, so that everything wrong with it is found. */
export function compileInput(
  input: PolicyInput,
  options: { readonly families: readonly Family[]; readonly backend: Backend; readonly now: Date },
): CompiledPolicy {
  const { backend, now } = options
  const dialects = assumedDialects(FAMILIES, backend)
  return onlyFamilies(input.compile({ dialects, names: BUILTIN_NAMES, now }), options.families)
}

function onlyFamilies(compiled: CompiledPolicy, families: readonly Family[]): CompiledPolicy {
  const wanted = (family: Family): boolean => families.includes(family)
  return {
    ...compiled,
    desired: Object.fromEntries(
      Object.values(compiled.desired)
        .filter(({ family }) => wanted(family))
        .map((ruleset) => [ruleset.family, ruleset]),
    ),
    externalJumps: compiled.externalJumps.filter(({ family }) => wanted(family)),
  }
}

/** What expiry is measured by. */
export function clock({ now }: Pick<Context, 'now'>): Date {
  return now?.() ?? new Date()
}

/** The families that the policy is for, or the one of them that `--family` names. */
export function wantedFamilies(input: PolicyInput, { options }: Context): readonly Family[] {
  const families = input.policy?.families ?? FAMILIES
  if (options.family === undefined) return families
  if (families.includes(options.family)) return [options.family]
  throw new FwctlError(
    'usage',
    `The policy is for ${families.join(' and ')}, so --family ${options.family} leaves nothing.`,
  )
}

/** What rules are written for where no host is asked: `--backend`, or nft. */
export function assumedBackend({ options }: Context): Backend {
  return options.backend === 'auto' ? 'nft' : options.backend
}

/** What rules are written for where no host is asked. */
export function assumedDialects(
  families: readonly Family[],
  backend: Backend,
): Readonly<Partial<Record<Family, Dialect>>> {
  return Object.fromEntries(
    families.map((family): [Family, Dialect] => [family, { family, backend, version: [1, 8, 9] }]),
  )
}

function parseVariables(given: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf('=')
      if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
      throw new FwctlError('usage', `--var ${text}: write it as --var NAME=VALUE.`)
    }),
  )
}

/** Paths count from `cwd`; stdin has been read already, because files are read synchronously. */
function policyFiles(given: {
  readonly cwd: string
  readonly stdin: string
  readonly sources: Map<string, string>
}): PolicyFiles {
  const at = (path: string): string => resolve(given.cwd, path)
  return {
    read: (path) => {
      const result = path === '-' ? { text: given.stdin } : diskFiles.read(at(path))
      if ('text' in result) given.sources.set(path === '-' ? 'stdin' : path, result.text)
      // The path as it was named is what the user knows.
      if ('message' in result) return { ...result, message: result.message.replace(at(path), path) }
      return result
    },
    realPath: (path) => diskFiles.realPath(at(path)),
    list: (directory) => diskFiles.list(at(directory)),
  }
}

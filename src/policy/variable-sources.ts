/** Where the values of variables come from, the later the stronger: defaults, host, files, options. */
import type { Diagnostic } from '../base/diagnostic.ts'
import { readDocument } from './document.ts'
import type { PolicyFiles } from './files.ts'
import { didYouMean } from './nearest.ts'
import { entriesOf, entryOf, get, type Value, visitTexts } from './value.ts'
import { parseVariable, type Variables } from './variables.ts'

export interface VariableOptions {
  readonly files: PolicyFiles
  /** From `--var NAME=VALUE`. */
  readonly variables?: Readonly<Record<string, string>>
  /** Files with a mapping of values, later ones win. */
  readonly values?: readonly string[]
  /** The entry of `hosts:` that applies. */
  readonly host?: string
}

export interface GivenVariables {
  /** What the documents so far and the options say. */
  readonly variablesOf: (roots: readonly Value[]) => Variables
  /** The same, with what is wrong about it. */
  readonly resolve: (roots: readonly Value[]) => {
    readonly variables: Variables
    readonly diagnostics: readonly Diagnostic[]
  }
  /** What was given besides the policy, for the digest. */
  readonly texts: readonly string[]
}

export function collectVariables(options: VariableOptions): GivenVariables {
  const fromFiles = (options.values ?? []).map((path) => readValues(path, options.files))
  const fromOptions = Object.entries(options.variables ?? {})
  const variablesOf = (roots: readonly Value[]): Variables => {
    const variables = new Map<string, Value>()
    const add = (value: Value | undefined): void => {
      for (const entry of entriesOf(value)) variables.set(entry.key, entry.value)
    }
    // An including file knows better than what it includes.
    for (const root of [...roots].reverse()) add(get(root, 'variables'))
    if (options.host !== undefined) {
      for (const root of [...roots].reverse()) add(get(root, 'hosts', options.host, 'variables'))
    }
    for (const { value } of fromFiles) add(value)
    for (const [name, text] of fromOptions) variables.set(name, parseVariable(name, text))
    return variables
  }
  return {
    variablesOf,
    resolve: (roots) => ({
      variables: variablesOf(roots),
      diagnostics: [
        ...fromFiles.flatMap((f) => f.diagnostics),
        ...unknownHost(roots, options.host),
        ...unknownVariables(roots, options.variables ?? {}),
      ],
    }),
    texts: [...fromFiles.map((f) => f.text), JSON.stringify(fromOptions), options.host ?? ''],
  }
}

interface Values {
  readonly text: string
  readonly value?: Value
  readonly diagnostics: readonly Diagnostic[]
}

function readValues(path: string, files: PolicyFiles): Values {
  const read = files.read(path)
  if ('code' in read) {
    const { code, message } = read
    return { text: '', diagnostics: [{ code, severity: 'error', message, file: path }] }
  }
  const { value, diagnostics } = readDocument(read.text, path)
  if (value === undefined) return { text: read.text, diagnostics }
  const wrong: Diagnostic[] = []
  const report = (message: string, at: Value['at']): void => {
    wrong.push({ code: 'wrong-type', severity: 'error', message, ...at })
  }
  if (value.kind !== 'map') report('a file of values is a mapping of names to values', value.at)
  for (const entry of entriesOf(value)) {
    const items = entry.value.kind === 'list' ? entry.value.items : [entry.value]
    if (items.some((item) => item.kind !== 'scalar')) {
      report(
        `${entry.key} must be a text, a number, true, false or a list of these`,
        entry.value.at,
      )
    }
  }
  return { text: read.text, value, diagnostics: [...diagnostics, ...wrong] }
}

/**
 * A host without an entry of its own is a mistake as soon as others have one. Where nobody has, naming
 * the host changes nothing, which whoever named it should know.
 */
function unknownHost(roots: readonly Value[], host: string | undefined): readonly Diagnostic[] {
  const entries = roots.flatMap((root) => entryOf(root, 'hosts') ?? [])
  const names = entries.flatMap((entry) => entriesOf(entry.value).map((e) => e.key))
  const [first] = entries
  const [root] = roots
  if (host === undefined || root === undefined || names.includes(host)) return []
  if (first === undefined) {
    const message = `the policy has no hosts:, so --for ${host} changes nothing`
    return [{ code: 'missing-value', severity: 'info', message, file: root.at.file }]
  }
  const hint = didYouMean(host, names)
  const message = `hosts: has no entry for "${host}"`
  return [
    {
      code: 'missing-value',
      severity: 'error',
      message,
      ...first.keyAt,
      ...(hint !== undefined && { hint }),
    },
  ]
}

/** A `--var` that nothing declares or uses is misspelt, and the default would be applied instead. */
function unknownVariables(
  roots: readonly Value[],
  given: Readonly<Record<string, string>>,
): readonly Diagnostic[] {
  const names = Object.keys(given)
  if (names.length === 0 || roots.length === 0) return []
  const known = new Set<string>()
  for (const root of roots) {
    const hosts = entriesOf(get(root, 'hosts')).map((host) => get(host.value, 'variables'))
    for (const variables of [get(root, 'variables'), ...hosts]) {
      for (const { key } of entriesOf(variables)) known.add(key)
    }
    visitTexts(root, (text) => {
      for (const [, name] of text.matchAll(/\$\{([^}]*)\}/g)) known.add(name as string)
    })
  }
  return names
    .filter((name) => !known.has(name))
    .map((name) => {
      const hint = didYouMean(name, known)
      const message = `--var ${name}: the policy has no variable of that name`
      return {
        code: 'unknown-variable',
        severity: 'error',
        message,
        ...(hint !== undefined && { hint }),
      }
    })
}

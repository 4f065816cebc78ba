import type { Diagnostic } from '../base/diagnostic.ts'
import { digest } from '../base/digest.ts'
import { buildPolicy } from './build.ts'
import { controlCharacters } from './control-characters.ts'
import type { PolicyFiles } from './files.ts'
import type { Policy } from './policy.ts'
import { schemaFindings } from './schema-errors.ts'
import { buildSets } from './sets.ts'
import { readSources, type Source } from './sources.ts'
import { validate } from './validator.generated.js'
import { toPlain, type Value } from './value.ts'
import { collectVariables, type VariableOptions } from './variable-sources.ts'
import { substitute } from './variables.ts'

export interface LoadOptions extends VariableOptions {
  readonly files: PolicyFiles
}

export interface LoadedPolicy {
  /** Undefined when there is nothing that could be looked at further. */
  readonly policy?: Policy
  readonly diagnostics: readonly Diagnostic[]
  /** Of everything that went into it: the texts of all files, and the values. */
  readonly digest: () => string
}

/**
 * Reads a policy with what it includes: YAML or JSON, `-` is stdin. Never throws on bad input, and
 * reports everything that is wrong in one go. A policy with errors has `valid: false`; it can be
 * compiled to find more errors, but nothing comes out of it.
 */
export function loadPolicy(path: string, options: LoadOptions): LoadedPolicy {
  const given = collectVariables(options)
  const { sources, diagnostics: read } = readSources(path, {
    files: options.files,
    // Includes are followed before their own `variables:` can be known.
    substitute: (main, include) => substitute(include, given.variablesOf([main])).value,
  })
  const { variables, diagnostics: found } = given.resolve(sources.map((s) => s.value))
  const diagnostics = [...read, ...found]
  const invalidPaths: (readonly string[])[][] = []
  const roots = sources.map((source, i) => {
    const filled = substituteRoot(source, variables)
    const findings = checkShape(filled.value, i === 0)
    invalidPaths.push(findings.map((f) => f.path))
    diagnostics.push(...filled.diagnostics, ...findings.map((f) => f.diagnostic))
    diagnostics.push(...controlCharacters(filled.value))
    return filled.value
  })
  const texts = [sources.map((s) => s.text), given.texts]
  if (roots.length === 0) return { diagnostics, digest: () => digest(JSON.stringify(texts)) }
  const built = buildPolicy({ file: sources[0]?.file ?? path, roots, invalidPaths })
  const { groups } = built.policy
  const declared = buildSets({ roots, invalidPaths, groups, files: options.files, file: path })
  const all = [...diagnostics, ...built.diagnostics, ...declared.diagnostics]
  const valid = !all.some((d) => d.severity === 'error')
  return {
    policy: { ...built.policy, sets: declared.sets, valid },
    diagnostics: all,
    digest: () =>
      digest(JSON.stringify(declared.texts.length > 0 ? [...texts, declared.texts] : texts)),
  }
}

/** `variables:` and `hosts:` hold values: what refers to others in them is filled where it is used. */
function substituteRoot(
  source: Source,
  variables: Parameters<typeof substitute>[1],
): ReturnType<typeof substitute> {
  if (source.value.kind !== 'map') return { value: source.value, diagnostics: [] }
  const literal = new Set(['variables', 'hosts'])
  const { entries } = source.value
  const others = substitute(
    { ...source.value, entries: entries.filter((e) => !literal.has(e.key)) },
    variables,
  )
  const kept = entries.filter((e) => literal.has(e.key))
  if (others.value.kind !== 'map') return others
  return { ...others, value: { ...others.value, entries: [...others.value.entries, ...kept] } }
}

/** Keys that only the main file may have. */
const MAIN_KEYS: ReadonlySet<string> = new Set(['families', 'ownership'])

function checkShape(value: Value, isMain: boolean): ReturnType<typeof schemaFindings> {
  // What holds for one rule of a form holds for all. To say what is wrong where, all are needed.
  const isValid = validate(toPlain(value, new Set())) || validate(toPlain(value))
  const errors = isValid ? [] : (validate.errors ?? [])
  if (isMain) return schemaFindings(value, errors)
  const findings = schemaFindings(
    value,
    errors.filter((e) => e.keyword !== 'required' || e.instancePath !== ''),
  )
  const misplaced = value.kind === 'map' ? value.entries.filter((e) => MAIN_KEYS.has(e.key)) : []
  return [
    ...findings,
    ...misplaced.map((entry) => ({
      path: [entry.key],
      diagnostic: {
        code: 'schema' as const,
        severity: 'error' as const,
        message: `${entry.key} belongs into the main file of the policy`,
        ...entry.keyAt,
      },
    })),
  ]
}

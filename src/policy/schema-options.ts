/** The part of the policy schema that follows from the catalogue of extensions. */
import { EXTENSIONS } from '../extensions/catalogue.ts'
import type { Extension, JsonSchema, OptionSpec } from '../extensions/extension.ts'
import { FAMILIES } from '../ruleset/model.ts'

/** A `${name}` that stands for a value of any type, and a negated value. */
const VARIABLE: JsonSchema = { type: 'string', pattern: '^\\$\\{[^}]+\\}$' }
const NEGATED: JsonSchema = { type: 'string', pattern: '^! ' }

export interface ExtensionSchemas {
  readonly matches: Readonly<Record<string, JsonSchema>>
  readonly targets: Readonly<Record<string, JsonSchema>>
  /** Options of the matches that a protocol brings along: keys of the rule itself. */
  readonly protocolOptions: Readonly<Record<string, JsonSchema>>
}

export function extensionSchemas(): ExtensionSchemas {
  const ofKind = (kind: Extension['kind']): Record<string, JsonSchema> => {
    const byName = groupByName(EXTENSIONS.filter((e) => e.kind === kind))
    return Object.fromEntries(
      [...byName].map(([name, entries]) => [name, extensionSchema(name, entries)]),
    )
  }
  return { matches: ofKind('match'), targets: ofKind('target'), protocolOptions: protocolOptions() }
}

/** Entries under each of their names; those of one name differ by family. */
function groupByName(entries: readonly Extension[]): Map<string, Extension[]> {
  const byName = new Map<string, Extension[]>()
  for (const entry of entries) {
    for (const name of [entry.name, ...(entry.aliases ?? [])]) {
      byName.set(name, [...(byName.get(name) ?? []), entry])
    }
  }
  return byName
}

function extensionSchema(name: string, entries: readonly Extension[]): JsonSchema {
  const families = new Set(entries.flatMap((e) => [...(e.families ?? FAMILIES)]))
  const only = families.size === 1 ? ` Only for ${[...families].join()}.` : ''
  const properties = mergeOptions(entries)
  return {
    title: name,
    description: `${entries[0]?.summary ?? name}${only}`,
    examples: [exampleOf(entries[0])],
    type: ['object', 'null'],
    properties,
    additionalProperties: false,
  }
}

/** The options an example can not do without, else the first one. */
function exampleOf(entry: Extension | undefined): JsonSchema {
  const options = Object.entries(entry?.options ?? {})
  const required = options.filter(([, option]) => option.required)
  const shown = required.length > 0 ? required : options.slice(0, 1)
  return Object.fromEntries(shown.map(([name, option]) => [name, option.value.examples[0]]))
}

function mergeOptions(entries: readonly Extension[]): Record<string, JsonSchema> {
  const specs = new Map<string, OptionSpec[]>()
  for (const entry of entries) {
    for (const [name, option] of Object.entries(entry.options)) {
      for (const spelling of [name, ...(option.aliases ?? [])]) {
        specs.set(spelling, [...(specs.get(spelling) ?? []), option])
      }
    }
  }
  return Object.fromEntries([...specs].map(([name, options]) => [name, optionSchema(options)]))
}

function protocolOptions(): Record<string, JsonSchema> {
  const protocolMatches = EXTENSIONS.filter(
    (e) => e.kind === 'match' && e.implicitFor !== undefined,
  )
  return mergeOptions(protocolMatches)
}

function optionSchema(options: readonly OptionSpec[]): JsonSchema {
  const negatable = options.some((o) => o.negatable)
  const families = new Set(options.flatMap((o) => [...(o.families ?? FAMILIES)]))
  const variants = distinct([
    ...options.flatMap((o) => alternatives(o.value.words === 0 ? flagSchema(o) : o.value.schema)),
    VARIABLE,
    ...(negatable ? [NEGATED] : []),
  ])
  const notes = [
    options[0]?.description,
    options[0]?.value.words === 0
      ? undefined
      : `${capitalise(options[0]?.value.description ?? '')}.`,
    negatable && options[0]?.value.words !== 0 ? 'Negated when it starts with "! ".' : undefined,
    families.size === 1 ? `Only for ${[...families].join()}.` : undefined,
  ]
  return {
    description: notes.filter((note) => note !== undefined).join(' '),
    examples: distinct(options.flatMap((o) => o.value.examples)),
    ...withoutRedundant(variants),
  }
}

function flagSchema(option: OptionSpec): JsonSchema {
  return { enum: option.negatable ? [true, '!'] : [true] }
}

function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  return Array.isArray(schema.anyOf) ? (schema.anyOf as JsonSchema[]) : [schema]
}

/** Any text is allowed: then what narrows a text further says nothing. */
function withoutRedundant(variants: readonly JsonSchema[]): JsonSchema {
  const anyText = variants.some((v) => v.type === 'string' && Object.keys(v).length === 1)
  const kept = anyText ? variants.filter((v) => v !== VARIABLE && v !== NEGATED) : variants
  return kept.length === 1 ? (kept[0] as JsonSchema) : { anyOf: kept }
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()]
}

function capitalise(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

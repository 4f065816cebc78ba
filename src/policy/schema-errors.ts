/** Turns violations of the schema into sentences that point at the offending node. */
import type { Diagnostic, DiagnosticCode, Position } from '../base/diagnostic.ts'
import { didYouMean } from './nearest.ts'
import { policySchema } from './schema.ts'
import type { SchemaError } from './validator.generated.js'
import { describeKind, type Entry, type Value } from './value.ts'

/** What an error is about: the node, and the key it is the value of. */
interface Found {
  readonly value: Value
  readonly key: string
  /** Whether it is an item of the list that the key holds. */
  readonly isItem: boolean
  /** The keys and indices that lead to it. */
  readonly path: readonly string[]
}

export interface SchemaFinding {
  readonly diagnostic: Diagnostic
  readonly path: readonly string[]
}

export function schemaFindings(root: Value, errors: readonly SchemaError[]): SchemaFinding[] {
  return withoutNoise(errors).flatMap((error) => {
    const found = locate(root, error.instancePath)
    if (found.value.kind === 'scalar' && found.value.unresolved) return []
    return { diagnostic: describe(error, found), path: found.path }
  })
}

/**
 * `anyOf` reports the errors of every alternative. Those below the node come from the alternative
 * that was meant and say what is wrong; when there are none, one sentence about the node does.
 */
function withoutNoise(errors: readonly SchemaError[]): SchemaError[] {
  let kept = [...errors]
  for (const union of errors.filter((e) => e.keyword === 'anyOf')) {
    const inside = kept.filter((e) => e !== union && isUnder(e.instancePath, union.instancePath))
    const deeper = inside.filter(
      (e) => e.instancePath !== union.instancePath || !SHALLOW.has(e.keyword),
    )
    const choice = inside.find((e) => e.keyword === 'enum')
    const best = deeper.length > 0 ? deeper : [choice ?? union]
    const dropped = new Set([...inside, union].filter((e) => !best.includes(e)))
    kept = kept.filter((e) => !dropped.has(e))
  }
  return kept
}

/** At the node itself these only say that an alternative is not the one that was meant. */
const SHALLOW: ReadonlySet<string> = new Set(['type', 'enum', 'const', 'pattern'])

function isUnder(path: string, parent: string): boolean {
  return path === parent || path.startsWith(`${parent}/`)
}

function locate(root: Value, instancePath: string): Found {
  let value = root
  let key = ''
  let isItem = false
  const path = instancePath === '' ? [] : instancePath.slice(1).split('/').map(unescapePointer)
  for (const step of path) {
    const next =
      value.kind === 'map'
        ? value.entries.find((e) => e.key === step)?.value
        : value.kind === 'list'
          ? value.items[Number(step)]
          : undefined
    if (next === undefined) break
    isItem = value.kind === 'list'
    if (!isItem) key = step
    value = next
  }
  return { value, key, isItem, path }
}

function unescapePointer(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~')
}

function describe(error: SchemaError, found: Found): Diagnostic {
  const make = (
    code: DiagnosticCode,
    message: string,
    hint?: string,
    at?: Position,
  ): Diagnostic => ({
    code,
    severity: 'error',
    message,
    ...(hint !== undefined && { hint }),
    ...(at ?? found.value.at),
  })
  const what = nameOf(found)
  const { params } = error
  switch (error.keyword) {
    case 'additionalProperties':
      return describeUnknownKey(String(params.additionalProperty), found, make)
    case 'required':
      return describeMissingKey(String(params.missingProperty), found, make)
    case 'type':
      return make(
        'wrong-type',
        wrongType(what, found.value, params.type),
        typeHint(found.value, params.type),
      )
    case 'enum':
    case 'const': {
      const allowed = (params.allowedValues ?? [params.allowedValue]) as readonly unknown[]
      const words = allowed.map((v) => JSON.stringify(v)).join(', ')
      const text = found.value.kind === 'scalar' ? found.value.text : ''
      const hint = didYouMean(
        text,
        allowed.filter((v) => typeof v === 'string'),
      )
      return make(
        'invalid-value',
        `${what} must be ${allowed.length > 1 ? 'one of ' : ''}${words}`,
        hint,
      )
    }
    case 'anyOf':
      return make(
        'wrong-type',
        `${what} can not be ${describeKind(found.value)}`,
        typeHint(found.value, 'string'),
      )
    case 'minLength':
    case 'minItems':
    case 'minProperties':
      return make('invalid-value', `${what} must not be empty`)
    case 'maxProperties':
      return make('invalid-value', `${what} must have one key only`)
    case 'minimum':
    case 'maximum':
      return make('invalid-value', `${what} must be ${params.comparison} ${params.limit}`)
    case 'pattern':
      return isSwitch(found)
        ? make('invalid-value', `${what} must be true or false`)
        : make('invalid-value', `${what} has an invalid value`, hintOfExamples(found))
    case 'uniqueItems':
      return make('invalid-value', `${what} names the same twice`)
    default:
      return make('schema', `${what} violates "${error.keyword}" of the schema`)
  }
}

function nameOf({ key, isItem }: Found): string {
  if (key === '') return 'the policy'
  if (!isItem) return key
  return key === 'rules' ? 'a rule' : `an item of ${key}`
}

type Make = (code: DiagnosticCode, message: string, hint?: string, at?: Position) => Diagnostic

function describeMissingKey(key: string, found: Found, make: Make): Diagnostic {
  const value = schemaAt([...found.path, key])?.const
  const hint = typeof value === 'string' ? `add "${key}: ${value}"` : undefined
  return make('missing-key', `${nameOf(found)} needs the key "${key}"`, hint)
}

function describeUnknownKey(key: string, found: Found, make: Make): Diagnostic {
  const entries: readonly Entry[] = found.value.kind === 'map' ? found.value.entries : []
  const at = entries.find((entry) => entry.key === key)?.keyAt
  const allowed = allowedKeys(found.path)
  const few = allowed.length > 0 && allowed.length <= 12
  const hint = didYouMean(key, allowed) ?? (few ? `known keys: ${allowed.join(', ')}` : undefined)
  const where = found.key === '' ? '' : ` in ${found.key}`
  return make('unknown-key', `unknown key "${key}"${where}`, hint, at)
}

function wrongType(what: string, value: Value, types: unknown): string {
  const names: Readonly<Record<string, string>> = {
    string: 'a text',
    integer: 'a whole number',
    number: 'a number',
    boolean: 'true or false',
    array: 'a list',
    object: 'a mapping',
  }
  const wanted = (Array.isArray(types) ? types : [types]).flatMap((t) => names[t as string] ?? [])
  return `${what} must be ${wanted.join(' or ')}, it is ${describeKind(value)}`
}

/** A text is only proposed where one may stand; what stands alone may have been meant as a list. */
function typeHint(value: Value, types: unknown): string | undefined {
  if (value.kind !== 'scalar' || value.text === '') return undefined
  const wanted = Array.isArray(types) ? types : [types]
  const isOther = typeof value.value === 'number' || typeof value.value === 'boolean'
  if (isOther && wanted.includes('string')) {
    return `if a text is meant, put it in quotes: "${value.text}"`
  }
  return wanted.length === 1 && wanted[0] === 'array' ? `write [${value.text}]` : undefined
}

type Schema = { readonly [key: string]: unknown }

/** The schema for what is at a path, as far as it is known. Only built when something is wrong. */
function schemaAt(path: readonly string[]): Schema | undefined {
  const root = policySchema() as Schema
  const definitions = root.$defs as Readonly<Record<string, Schema>>
  const resolve = (schema: Schema | undefined): Schema | undefined => {
    const ref = schema?.$ref as string | undefined
    return ref === undefined ? schema : definitions[ref.slice('#/$defs/'.length)]
  }
  let schema: Schema | undefined = root
  for (const step of path) {
    const alternatives = (schema?.anyOf ?? []) as readonly Schema[]
    const options = [schema, ...alternatives].map(resolve).filter((s) => s !== undefined)
    const isIndex = /^[0-9]+$/.test(step)
    schema = undefined
    for (const option of options) {
      const named = (option.properties as Readonly<Record<string, Schema>> | undefined)?.[step]
      const other = option.additionalProperties
      const next =
        named ??
        (isIndex ? (option.items as Schema) : undefined) ??
        (typeof other === 'object' ? (other as Schema) : undefined)
      schema ??= resolve(next)
    }
  }
  return schema
}

function allowedKeys(path: readonly string[]): string[] {
  return Object.keys((schemaAt(path)?.properties ?? {}) as object)
}

/** True or false, or a `${name}` that stands for one. */
function isSwitch({ path }: Found): boolean {
  const type = schemaAt(path)?.type
  return Array.isArray(type) && type.includes('boolean')
}

function hintOfExamples(found: Found): string | undefined {
  const examples = schemaAt(found.path)?.examples as readonly unknown[] | undefined
  return examples === undefined
    ? undefined
    : `for example ${examples.map((e) => JSON.stringify(e)).join(', ')}`
}

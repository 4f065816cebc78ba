/** `${name}` in the texts of a policy. Nothing is computed, `$${` is a literal `${`. */
import type { Diagnostic, Position } from '../base/diagnostic.ts'
import { didYouMean } from './nearest.ts'
import type { Entry, ScalarValue, Value } from './value.ts'

/** Values by name. A scalar `null` is declared but has no value yet. */
export type Variables = ReadonlyMap<string, Value>

export interface Substituted {
  readonly value: Value
  readonly diagnostics: readonly Diagnostic[]
}

/** `$${`, `${name}`, or a `${` that is neither. */
const REFERENCE = /\$\$\{|\$\{([^}]*)\}|\$\{/g
const WHOLE = /^\$\{([^}]*)\}$/

interface State {
  readonly variables: Variables
  readonly diagnostics: Diagnostic[]
  /** The variables whose own values are being substituted, against cycles. */
  readonly open: readonly string[]
}

/** A list that stands for an item of a list is put in place of the item. */
export function substitute(value: Value, variables: Variables): Substituted {
  const state: State = { variables, diagnostics: [], open: [] }
  return { value: walk(value, state), diagnostics: state.diagnostics }
}

function walk(value: Value, state: State): Value {
  switch (value.kind) {
    case 'scalar':
      return typeof value.value === 'string' && value.value.includes('${')
        ? substituteScalar(value, state)
        : value
    case 'list':
      return { ...value, items: value.items.flatMap((item) => walkItem(item, state)) }
    case 'map':
      if (value.form !== undefined) return value
      return {
        ...value,
        entries: value.entries.map((e): Entry => ({ ...e, value: walk(e.value, state) })),
      }
  }
}

function walkItem(item: Value, state: State): Value | readonly Value[] {
  const value = walk(item, state)
  return item.kind === 'scalar' && value.kind === 'list' ? value.items : value
}

function substituteScalar(scalar: ScalarValue, state: State): Value {
  const whole = WHOLE.exec(scalar.text)
  if (whole !== null) {
    const value = lookUp(whole[1] as string, scalar.at, state)
    return value === undefined ? { ...scalar, unresolved: true as const } : moveTo(value, scalar.at)
  }
  let failed = false
  const text = scalar.text.replaceAll(REFERENCE, (reference: string, name?: string) => {
    if (reference === '$${') return '${'
    if (name === undefined) {
      const hint = 'close it with }, or write $${ for a literal ${'
      report(state, 'unknown-variable', '${ has no } after it', scalar.at, hint)
      failed = true
      return reference
    }
    const value = lookUp(name, scalar.at, state)
    if (value?.kind === 'scalar') return value.text
    if (value !== undefined) {
      const message = `\${${name}} is a list: it can only stand alone`
      report(state, 'invalid-value', message, scalar.at)
    }
    failed = true
    return reference
  })
  const { textAt: _, ...rest } = scalar
  const filled: ScalarValue = { ...rest, value: text, text }
  return failed ? { ...filled, unresolved: true } : filled
}

function lookUp(name: string, at: Position, state: State): Value | undefined {
  const value = state.variables.get(name)
  if (value === undefined) {
    const known = [...state.variables.keys()]
    const hint =
      didYouMean(name, known) ?? 'define it under `variables:`, or write $${ for a literal ${'
    report(state, 'unknown-variable', `there is no variable "${name}"`, at, hint)
    return undefined
  }
  if (value.kind === 'scalar' && value.value === null) {
    const hint = `give it one with --var ${name}=VALUE, --values FILE, or under hosts:`
    report(state, 'missing-value', `the variable "${name}" has no value`, at, hint)
    return undefined
  }
  if (state.open.includes(name)) {
    report(state, 'unknown-variable', `the variable "${name}" contains itself`, at)
    return undefined
  }
  return walk(value, { ...state, open: [...state.open, name] })
}

function report(
  state: State,
  code: 'unknown-variable' | 'missing-value' | 'invalid-value',
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

/** The other way round: texts that `substitute` gives back as they are. */
export function escapeReferences(value: Value): Value {
  switch (value.kind) {
    case 'scalar': {
      if (!value.text.includes('${')) return value
      const text = value.text.replaceAll('${', '$$${')
      return { ...value, value: text, text }
    }
    case 'list':
      return { ...value, items: value.items.map(escapeReferences) }
    case 'map':
      return {
        ...value,
        entries: value.entries.map((e): Entry => ({ ...e, value: escapeReferences(e.value) })),
      }
  }
}

/** What a variable brought is reported where it is used. */
function moveTo(value: Value, at: Position): Value {
  switch (value.kind) {
    case 'scalar': {
      const { textAt: _, ...rest } = value
      return { ...rest, at }
    }
    case 'list':
      return { ...value, at, items: value.items.map((item) => moveTo(item, at)) }
    case 'map':
      return { ...value, at }
  }
}

/** The value of `--var NAME=VALUE`: a number, a truth value or a `[a, b]` list when it reads so. */
export function parseVariable(name: string, text: string): Value {
  const at: Position = { file: `--var ${name}`, line: 1, column: 1 }
  const list = /^\[(.*)\]$/s.exec(text.trim())
  if (list !== null) {
    const items = (list[1] as string).split(',').map((item) => item.trim())
    return { kind: 'list', at, items: items.filter((i) => i !== '').map((i) => parseScalar(i, at)) }
  }
  return parseScalar(text, at)
}

function parseScalar(text: string, at: Position): ScalarValue {
  if (/^(0|[1-9][0-9]{0,14})$/.test(text)) return { kind: 'scalar', value: Number(text), text, at }
  if (text === 'true' || text === 'false')
    return { kind: 'scalar', value: text === 'true', text, at }
  return { kind: 'scalar', value: text, text, at }
}

/** Values that a policy is written from: what `value.ts` reads, the other way round. */
import type { Position } from '../base/diagnostic.ts'
import type { Entry, ListValue, MapValue, Scalar, ScalarValue, Value } from './value.ts'

const AT: Position = { file: 'import', line: 1, column: 1 }
const WIDTH = 100

export function scalar(value: Scalar): ScalarValue {
  return { kind: 'scalar', value, text: String(value), at: AT }
}

export function textValue(text: string): ScalarValue {
  return scalar(text)
}

export function list(items: readonly Value[]): ListValue {
  return { kind: 'list', items, at: AT }
}

export function map(entries: readonly Entry[]): MapValue {
  return { kind: 'map', entries, at: AT }
}

/** One line of YAML, as it stands inside braces and brackets. */
export function flow(value: Value): string {
  switch (value.kind) {
    case 'scalar':
      return typeof value.value === 'string' ? quoteIfNeeded(value.value) : value.text
    case 'list':
      return `[${value.items.map(flow).join(', ')}]`
    case 'map': {
      const entries = value.entries.map((e) => `${quoteIfNeeded(e.key)}: ${flow(e.value)}`)
      return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`
    }
  }
}

/** The lines of a value after a key or a dash; the first one goes on the same line. */
export function block(value: Value, indent: number, used: number): string[] {
  const line = flow(value)
  const fits = used + line.length <= WIDTH
  if (fits || value.kind === 'scalar') return [line]
  const pad = ' '.repeat(indent)
  if (value.kind === 'list') {
    return ['', ...value.items.flatMap((item) => dashed(item, indent))]
  }
  return [
    '',
    ...value.entries.flatMap(({ key, value: inner }) => {
      const head = `${pad}${quoteIfNeeded(key)}:`
      const [first = '', ...rest] = block(inner, indent + 2, head.length + 1)
      return [first === '' ? head : `${head} ${first}`, ...rest]
    }),
  ]
}

/** An item of a block list, in one line where it fits. */
export function dashed(item: Value, indent: number): string[] {
  const pad = ' '.repeat(indent)
  const [first = '', ...rest] = block(item, indent + 2, indent + 2)
  if (first !== '') return [`${pad}- ${first}`, ...rest]
  const [head = '', ...tail] = rest
  return [`${pad}- ${head.trimStart()}`, ...tail]
}

/** Texts that YAML reads as themselves, alone and inside brackets; any other is quoted. */
const PLAIN = [
  /^[A-Za-z_][A-Za-z0-9_./+-]*( [A-Za-z0-9_./+-]+)*$/,
  /^[0-9]+(\.[0-9]+){2,3}(\/[0-9.]+)?$/,
  /^[0-9]+(\.[0-9]+){3}-[0-9]+(\.[0-9]+){3}$/,
  /^[0-9a-f]+:[0-9a-f:]*[0-9a-f:]\/[0-9]+$/,
  /^[0-9]+(\.[0-9]+)*\/[A-Za-z0-9.]+$/,
]
const RESERVED = /^(true|false|null|yes|no|on|off|y|n|\.(nan|inf))$/i

export function quoteIfNeeded(text: string): string {
  const plain = PLAIN.some((pattern) => pattern.test(text)) && !RESERVED.test(text)
  return plain ? text : JSON.stringify(text)
}

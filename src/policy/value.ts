/**
 * A YAML document as plain data in which every key and value knows where it stands. Aliases and
 * merge keys are resolved. Everything after reading works on this, nothing else knows `yaml`.
 */
import type { Position } from '../base/diagnostic.ts'

export type Scalar = string | number | boolean | null

export interface ScalarValue {
  readonly kind: 'scalar'
  readonly value: Scalar
  /** As written for a number (`0x10` stays so), else the value as a string. */
  readonly text: string
  readonly at: Position
  /** Where the first character of `text` stands, if every character stands for itself. */
  readonly textAt?: Position
  /** A `${name}` in it has no value; that is reported already. */
  readonly unresolved?: true
}

export interface ListValue {
  readonly kind: 'list'
  readonly items: readonly Value[]
  readonly at: Position
}

export interface Entry {
  readonly key: string
  readonly keyAt: Position
  readonly value: Value
}

export interface MapValue {
  readonly kind: 'map'
  readonly entries: readonly Entry[]
  readonly at: Position
  /** Only of a folded rule (folded-rule.ts): no text in it has a `${` or a control character. */
  readonly form?: object
}

export type Value = ScalarValue | ListValue | MapValue

/** The entries of a mapping; none for anything else. */
export function entriesOf(value: Value | undefined): readonly Entry[] {
  return value?.kind === 'map' ? value.entries : []
}

/** The items of a list; none for anything else. */
export function itemsOf(value: Value | undefined): readonly Value[] {
  return value?.kind === 'list' ? value.items : []
}

/** Whether a key is there twice. */
export function hasTwins(entries: readonly Entry[]): boolean {
  if (entries.length > 16) return new Set(entries.map(({ key }) => key)).size < entries.length
  for (let i = 1; i < entries.length; i++) {
    const key = entries[i]?.key
    for (let j = 0; j < i; j++) if (entries[j]?.key === key) return true
  }
  return false
}

export function entryOf(value: Value | undefined, key: string): Entry | undefined {
  return entriesOf(value).find((entry) => entry.key === key)
}

export function get(value: Value | undefined, ...path: readonly string[]): Value | undefined {
  let here = value
  for (const key of path) here = entryOf(here, key)?.value
  return here
}

/** The text of a string; undefined for anything else. */
export function stringOf(value: Value | undefined): string | undefined {
  return value?.kind === 'scalar' && typeof value.value === 'string' ? value.value : undefined
}

/** What the JSON schema validates. With `forms`, only one folded rule of each is part of it. */
export function toPlain(value: Value, forms?: Set<object>): unknown {
  switch (value.kind) {
    case 'scalar':
      return value.value
    case 'list': {
      const items = forms === undefined ? value.items : value.items.filter((i) => isNew(i, forms))
      return items.map((item) => toPlain(item, forms))
    }
    case 'map': {
      // No prototype: a key `__proto__` must stay an (unknown) key.
      const plain: Record<string, unknown> = Object.create(null)
      for (const entry of value.entries) plain[entry.key] = toPlain(entry.value, forms)
      return plain
    }
  }
}

function isNew(value: Value, forms: Set<object>): boolean {
  if (value.kind !== 'map' || value.form === undefined) return true
  if (forms.has(value.form)) return false
  forms.add(value.form)
  return true
}

/** Calls `visit` for every scalar and for every key, in document order. */
export function visitTexts(value: Value, visit: (text: string, at: Position) => void): void {
  switch (value.kind) {
    case 'scalar':
      if (typeof value.value === 'string') visit(value.value, value.at)
      return
    case 'list':
      for (const item of value.items) visitTexts(item, visit)
      return
    case 'map':
      for (const entry of value.entries) {
        visit(entry.key, entry.keyAt)
        visitTexts(entry.value, visit)
      }
  }
}

/** "a list", "a mapping", "a number"…, for messages. */
export function describeKind(value: Value): string {
  if (value.kind !== 'scalar') return value.kind === 'list' ? 'a list' : 'a mapping'
  if (value.value === null) return 'empty'
  if (typeof value.value === 'boolean') return String(value.value)
  return typeof value.value === 'number' ? 'a number' : 'a text'
}

/** True when a `${name}` in it has no value. */
export function hasUnresolved(value: Value): boolean {
  switch (value.kind) {
    case 'scalar':
      return value.unresolved ?? false
    case 'list':
      return value.items.some(hasUnresolved)
    case 'map':
      return value.form === undefined && value.entries.some((e) => hasUnresolved(e.value))
  }
}

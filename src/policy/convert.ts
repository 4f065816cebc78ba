import { type Document, isAlias, isMap, isScalar, type Node, type Scalar, type YAMLMap } from 'yaml'
import type { DiagnosticCode, Position } from '../base/diagnostic.ts'
import type { Entry, ScalarValue, Value } from './value.ts'

export interface ConvertContext {
  readonly text: string
  readonly document: Document
  readonly positionAt: (offset: number) => Position
  readonly report: (code: DiagnosticCode, offset: number, message: string, hint?: string) => void
}

/** Aliases may add this many nodes to a document: more is a mistake or an attack. */
const ALIAS_NODES = 50_000

interface State extends ConvertContext {
  /** Nodes made while inside an alias. */
  aliasNodes: number
  /** The anchored nodes that an alias is being resolved to, against anchors that hold themselves. */
  readonly open: Set<Node>
}

/** Resolves aliases and merge keys. Undefined where nothing sensible is left; that is reported. */
export function convertNode(node: unknown, context: ConvertContext): Value | undefined {
  const state: State = { ...context, aliasNodes: 0, open: new Set() }
  return convert(node as Node | null, state, false)
}

function convert(node: Node | null, state: State, inAlias: boolean): Value | undefined {
  if (node === null) return undefined
  const offset = offsetOf(node)
  const at = state.positionAt(offset)
  if (inAlias && ++state.aliasNodes > ALIAS_NODES) {
    if (state.aliasNodes === ALIAS_NODES + 1) {
      state.report('yaml-alias-limit', offset, `aliases expand to over ${ALIAS_NODES} nodes`)
    }
    return undefined
  }
  if (isAlias(node)) {
    const anchored = node.resolve(state.document)
    if (anchored === undefined) {
      state.report('yaml-syntax', offset, `there is no anchor "${node.source}" before this`)
      return undefined
    }
    if (state.open.has(anchored)) {
      state.report('yaml-alias-limit', offset, `anchor "${node.source}" contains itself`)
      return undefined
    }
    state.open.add(anchored)
    const value = convert(anchored, state, true)
    state.open.delete(anchored)
    return value
  }
  if ((node as Scalar).tag !== undefined) return refuseTag(node, state)
  if (isScalar(node)) return convertScalar(node, at, state)
  if (isMap(node)) return { kind: 'map', entries: convertEntries(node, state, inAlias), at }
  const items = (node as unknown as { items: Node[] }).items
  return {
    kind: 'list',
    items: items.flatMap((item) => convert(item, state, inAlias) ?? []),
    at,
  }
}

/**
 * `source: ! 10.0.0.0/8` without quotes is YAML for the *un*negated address with a tag `!`: taking
 * it would turn the rule into its opposite.
 */
function refuseTag(node: Node, state: State): ScalarValue {
  const offset = offsetOf(node)
  const tagAt = Math.max(state.text.lastIndexOf('!', offset - 1), 0)
  const hint = 'a negated value needs quotes: "! 10.0.0.0/8"'
  state.report('yaml-syntax', tagAt, 'a value may not start with `!`, which is a YAML tag', hint)
  // What it would have been is unknown: nothing more is said about it.
  return { ...emptyAt(tagAt, state), unresolved: true }
}

function convertEntries(map: YAMLMap, state: State, inAlias: boolean): Entry[] {
  const own = new Map<string, Entry>()
  const merged: Entry[] = []
  for (const pair of map.items) {
    const key = pair.key as Node
    const offset = offsetOf(key)
    if (!isScalar(key) || key.tag !== undefined) {
      state.report('yaml-syntax', offset, 'a key must be plain text')
      continue
    }
    const name = key.source ?? String(key.value ?? '')
    const value =
      convert((pair.value as Node | null) ?? null, state, inAlias) ?? emptyAt(offset, state)
    if (name === '<<' && value.kind === 'map' && isAlias(pair.value)) {
      merged.push(...value.entries)
      continue
    }
    const first = own.get(name)
    if (first !== undefined) {
      const message = `"${name}" is already set in line ${first.keyAt.line}`
      state.report('yaml-duplicate-key', offset, message)
    } else own.set(name, { key: name, keyAt: state.positionAt(offset), value })
  }
  for (const entry of merged) if (!own.has(entry.key)) own.set(entry.key, entry)
  return [...own.values()]
}

function emptyAt(offset: number, state: State): ScalarValue {
  return { kind: 'scalar', value: null, text: '', at: state.positionAt(offset) }
}

function convertScalar(node: Scalar, at: Position, state: State): ScalarValue {
  const { value } = node
  const source = node.source ?? ''
  if (typeof value !== 'string') {
    const known = typeof value === 'number' || typeof value === 'boolean' ? value : null
    return { kind: 'scalar', value: known, text: source, at }
  }
  const offset = offsetOf(node)
  const quote = node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE' ? 1 : 0
  const literal = state.text.startsWith(value, offset + quote)
  if (!literal || node.type?.startsWith('BLOCK')) return { kind: 'scalar', value, text: value, at }
  const textAt = { ...at, column: at.column + quote }
  return { kind: 'scalar', value, text: value, at, textAt }
}

function offsetOf(node: Node | null): number {
  return node?.range?.[0] ?? 0
}

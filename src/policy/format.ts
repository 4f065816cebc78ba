/** The canonical layout of a policy: comments stay, and so does every value. */
import {
  isCollection,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  Scalar,
  type ScalarTag,
  stringify,
  type Tags,
  visit,
  YAMLMap,
  YAMLSeq,
} from 'yaml'
import type { Diagnostic } from '../base/diagnostic.ts'
import { readDocument } from './document.ts'
import type { Value } from './value.ts'

export interface FormattedPolicy {
  /** Undefined when the text is no YAML. */
  readonly text?: string
  readonly diagnostics: readonly Diagnostic[]
}

const WIDTH = 100
const LAYOUT = { indent: 2, indentSeq: true, lineWidth: 0 } as const

/**
 * Two blanks of indentation, `{ a: b }` and `[a, b]`, double quotes, one blank line at most, and
 * whatever does not fit into 100 columns in block style. Formatting twice changes nothing.
 */
export function formatPolicy(text: string, file = 'policy.yaml'): FormattedPolicy {
  const before = readDocument(text, file)
  if (before.value === undefined) return { diagnostics: before.diagnostics }
  const formatted = formatJson(text) ?? formatYaml(text)
  const after = readDocument(formatted, file)
  // Whatever yaml does with a text it was not made for: rather unformatted than changed.
  const isSame = after.value !== undefined && content(after.value) === content(before.value)
  return { text: isSame ? formatted : text, diagnostics: before.diagnostics }
}

/** JSON stays JSON: others read it, too. Undefined when it is none. */
function formatJson(text: string): string | undefined {
  if (!/^\s*\{\s*["}]/.test(text)) return undefined
  try {
    return `${JSON.stringify(JSON.parse(text), null, 2)}\n`
  } catch {
    return undefined
  }
}

function formatYaml(text: string): string {
  const document = parseDocument(text, { customTags: keepNumbers, uniqueKeys: false })
  visit(document, {
    Scalar: (_, node) => useDoubleQuotes(node),
    Collection: (_, node) => padFlow(node as YAMLMap | YAMLSeq),
  })
  if (document.contents !== null) breakLongFlow(document.contents as Node, { indent: 0, column: 0 })
  if (document.directives) document.directives.docStart = null
  return document.toString(LAYOUT)
}

/** Numbers are printed as they were written: `0x0a` means the same as `10`, but says something else. */
function keepNumbers(tags: Tags): Tags {
  return tags.map((tag) => {
    const isNumber = typeof tag !== 'string' && /:(int|float)$/.test(tag.tag)
    if (!isNumber) return tag
    const number: ScalarTag = {
      ...(tag as ScalarTag),
      stringify: ({ source, value }) => source ?? String(value),
    }
    return number
  })
}

function useDoubleQuotes(node: Scalar): void {
  if (node.type === Scalar.QUOTE_SINGLE && !/["\\]/.test(String(node.value))) {
    node.type = Scalar.QUOTE_DOUBLE
  }
}

type Print = YAMLMap['toString']

/** yaml pads all flow collections or none: braces get blanks, brackets do not. */
function padFlow(node: YAMLMap | YAMLSeq): void {
  const isPadded = isMap(node)
  const print: Print = isPadded ? YAMLMap.prototype.toString : YAMLSeq.prototype.toString
  const padded: Print = (context, onComment, onChompKeep) => {
    const padding = isPadded ? ' ' : ''
    const own = context && { ...context, flowCollectionPadding: padding }
    return print.call(node as YAMLMap, own, onComment, onChompKeep)
  }
  node.toString = padded
}

interface Place {
  /** Of the lines that a block would consist of. */
  readonly indent: number
  /** Where the node begins if it stays on the line of its key or dash. */
  readonly column: number
}

function breakLongFlow(node: Node, place: Place): void {
  if (!isCollection(node)) return
  if (node.flow) {
    const width = stringify(node, LAYOUT).trimEnd().length
    if (place.column + width <= WIDTH) return
    node.flow = false
  }
  if (isSeq(node)) {
    const indent = place.indent + 2
    for (const item of node.items) breakLongFlow(item as Node, { indent, column: indent })
  } else if (isMap(node)) {
    for (const pair of node.items) breakPair(pair as Pair<Node, Node>, place.indent)
  }
}

function breakPair({ key, value }: Pair<Node, Node | null>, indent: number): void {
  if (value === null) return
  const name = isScalar(key) ? String(key.source ?? key.value) : ''
  breakLongFlow(value, { indent: indent + 2, column: indent + name.length + 2 })
}

/** What a document says, without where it says it. */
function content(value: Value): string {
  return JSON.stringify(value, (key, part) =>
    key === 'at' || key.endsWith('At') ? undefined : part,
  )
}

import { Composer, type CST, type Document, LineCounter, Parser } from 'yaml'
import type { Diagnostic, DiagnosticCode, Position } from '../base/diagnostic.ts'
import { convertNode } from './convert.ts'
import type { FoldRule } from './folded-rule.ts'
import { readPlainJson } from './plain-json.ts'
import { readPlainYaml } from './plain-yaml.ts'
import type { Value } from './value.ts'

export interface ReadDocument {
  /** Undefined when the text is no YAML document. */
  readonly value?: Value
  readonly diagnostics: readonly Diagnostic[]
}

/** The deepest that a policy needs is 10. */
const DEPTH = 64

/** Reads one YAML (or JSON) document. Reports everything that is wrong with it at once. `fold` is for rules. */
export function readDocument(text: string, file: string, fold?: FoldRule): ReadDocument {
  const value = readPlainJson(text, file, fold) ?? readPlainYaml(text, file, fold)
  return value === undefined ? readAnyYaml(text, file) : { value, diagnostics: [] }
}

/** The same with `yaml`, which knows all of YAML, and what is wrong with it. */
export function readAnyYaml(text: string, file: string): ReadDocument {
  const lineCounter = new LineCounter()
  const diagnostics: Diagnostic[] = []
  const positionAt = (offset: number): Position => {
    const { line, col } = lineCounter.linePos(offset)
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const report = (code: DiagnosticCode, offset: number, message: string, hint?: string): void => {
    const finding = { code, severity: 'error' as const, message, ...positionAt(offset) }
    diagnostics.push(hint === undefined ? finding : { ...finding, hint })
  }
  const tokens: CST.Token[] = [...new Parser(lineCounter.addNewLine).parse(text)]
  const tooDeep = findTooDeep(tokens)
  if (tooDeep !== undefined) {
    report('yaml-syntax', tooDeep, `nested more than ${DEPTH} deep`)
    return { diagnostics }
  }
  // Keys are compared in convertNode, with a map: yaml itself compares every pair.
  const composer = new Composer({ lineCounter, prettyErrors: false, uniqueKeys: false })
  const [document, second] = [...composer.compose(tokens, true, text.length)] as Document[]
  const errors = document?.errors ?? []
  const lines = new Set<number>()
  for (const { message, pos } of errors) {
    // One missing bracket is missed again by everything around it.
    const { line } = positionAt(pos[0])
    if (!lines.has(line)) report('yaml-syntax', pos[0], message.replaceAll(/\s+/g, ' ').trim())
    lines.add(line)
  }
  if (second !== undefined) {
    const offset = second.range?.[0] ?? 0
    report('yaml-syntax', offset, 'the file holds several YAML documents', 'remove the `---`')
  }
  if (document === undefined || document.contents === null) {
    if (errors.length === 0) report('yaml-syntax', 0, 'the file is empty')
    return { diagnostics }
  }
  const value = convertNode(document.contents, { text, document, positionAt, report })
  return value === undefined || errors.length > 0 ? { diagnostics } : { value, diagnostics }
}

/**
 * The offset of the first node that is nested too deeply. Composing recurses, and when the stack
 * runs out inside a regular expression Node aborts instead of throwing: so this comes first, with
 * a stack of its own.
 */
function findTooDeep(tokens: readonly CST.Token[]): number | undefined {
  const stack: [CST.Token, number][] = tokens.map((token) => [token, 0])
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const [token, depth] = top
    if (depth > DEPTH) return token.offset
    if (token.type === 'document' && token.value) stack.push([token.value, depth])
    if (!('items' in token)) continue
    for (const item of token.items) {
      if (item.key) stack.push([item.key, depth + 1])
      if (item.value) stack.push([item.value, depth + 1])
    }
  }
  return undefined
}

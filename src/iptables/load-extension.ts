/** `-m` and `-j` load an extension: from then on its options are read. */
import { findMatch, findTarget } from '../extensions/catalogue.ts'
import type { Extension } from '../extensions/extension.ts'
import type { Instance, Reading } from './reading.ts'

export function isOpaque(reading: Reading, name: string): boolean {
  return reading.context.opaque?.has(name) ?? false
}

export function loadExtension(
  reading: Reading,
  entry: Extension | undefined,
  { kind, name, word }: Pick<Instance, 'kind' | 'name' | 'word'>,
): Instance {
  const known = entry !== undefined && !isOpaque(reading, entry.name)
  return {
    kind,
    name: known ? entry.name : name,
    extension: known ? entry : undefined,
    word,
    options: [],
    opaque: [],
  }
}

export function loadMatch(reading: Reading, name: string, word: number): void {
  const entry = findMatch(name, reading.context.dialect.family)
  const instance = loadExtension(reading, entry, { kind: 'match', name, word })
  reading.matches.push(instance)
  reading.loaded.unshift(instance)
}

export function loadTarget(
  reading: Reading,
  {
    name,
    verb,
    at,
  }: { readonly name: string; readonly verb: 'jump' | 'goto'; readonly at: number },
): void {
  const entry = verb === 'goto' ? undefined : findTarget(name, reading.context.dialect.family)
  reading.verb = verb
  reading.target = loadExtension(reading, entry, { kind: 'target', name, word: at })
  reading.loaded.unshift(reading.target)
}

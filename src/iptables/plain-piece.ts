/**
 * The keys of the commonest pieces of a save, such as `-m tcp --dport 22`: one option with one word
 * that is in normal form already, so that the piece says itself what its key is. Anything else is
 * undefined here, and read by the rule parser.
 */
import { findMatch, findTarget, mayStandAlone } from '../extensions/catalogue.ts'
import type { OptionSpec } from '../extensions/extension.ts'
import type { Family } from '../ruleset/model.ts'
import { keyWord, type MatchKey } from './rule-key.ts'

/** What stands before the word, once for all pieces that have it in common. */
export interface PlainBeginning {
  readonly module: string
  readonly effect: MatchKey['effect']
  readonly option: OptionSpec
}

/** `-m tcp --dport ` of `-m tcp --dport 22`, and up to the quote if there is one. */
export function beginningOf(piece: string): string {
  const quote = piece.indexOf('"')
  return piece.slice(0, quote < 0 ? piece.lastIndexOf(' ') + 1 : quote)
}

export function readBeginning(text: string, family: Family): PlainBeginning | undefined {
  const [, kind, module = '', name = ''] = /^-([mj]) (\S+) --(\S+) $/.exec(text) ?? []
  const entry = kind === 'm' ? findMatch(module, family) : findTarget(module, family)
  const option = entry?.options[name]
  if (entry?.name !== module || option === undefined || !mayStandAlone(entry, name))
    return undefined
  if (entry.kind === 'target') {
    return entry.sameAs === undefined ? { module, effect: 'pure', option } : undefined
  }
  const isItself = entry.effectOf === undefined && entry.synonymOf === undefined
  return isItself ? { module, effect: entry.effect, option } : undefined
}

/** The piece as a key has it. */
export function plainKey(
  piece: string,
  beginning: string,
  { option }: PlainBeginning,
): string | undefined {
  const word = wordAfter(piece, beginning.length)
  if (word === undefined || word === option.omit || word === option.any) return undefined
  return option.value.isNormal?.(word) ? beginning + keyWord(word) : undefined
}

/** The rest of the piece, if that is one word in the one way to write it. */
function wordAfter(piece: string, start: number): string | undefined {
  if (piece[start] !== '"') return /[\s"]/.test(piece.slice(start)) ? undefined : piece.slice(start)
  const end = piece.length - 1
  const isOne = end > start && piece.indexOf('"', start + 1) === end
  return isOne && !piece.includes('\\', start) ? piece.slice(start + 1, end) : undefined
}

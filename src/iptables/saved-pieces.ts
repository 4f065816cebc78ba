/**
 * Reads saved rules piece by piece. The rules of a dump repeat each other: thousands of rules share
 * a few hundred matches and targets. Each piece, from one `-m`, `-j` or `-g` to the next, is read
 * once, so that a rule costs little more than its addresses. The key of a rule is put together from
 * those of its pieces, so that asking for it makes nothing else of the rule.
 */
import { isRefusal, type ValueContext } from '../extensions/extension.ts'
import type { Names } from '../extensions/names.ts'
import { isSavedNetwork } from '../net/address.ts'
import type { Criterion, Dialect, Match, RuleSpec, Target } from '../ruleset/model.ts'
import { parseInterface, parseNetworks, parseProtocol } from './criteria.ts'
import { parseRule } from './parse-rule.ts'
import { readPlainMatch, readPlainTarget } from './plain-piece.ts'
import { criteriaKey, type MatchKey, matchesKey, matchKey, targetKey } from './rule-key.ts'
import { tokenise } from './tokenise.ts'

/** What has been read of one dump. */
export interface PieceCache {
  readonly criteria: Map<string, Criterion>
  /** By protocol: how an option reads may depend on it. */
  readonly pieces: Map<string, Pieces>
}

interface Pieces {
  readonly matches: Map<string, Match>
  readonly targets: Map<string, Target>
  readonly matchKeys: Map<string, MatchKey>
  readonly targetKeys: Map<string, string>
}

export interface PieceContext {
  readonly dialect: Dialect
  readonly names: Names
  readonly cache: PieceCache
}

export function newPieceCache(): PieceCache {
  return { criteria: new Map(), pieces: new Map() }
}

/** Undefined when a piece is not in the form of a save: the rule is then read as a whole. */
export function readPieces(text: string, context: PieceContext): RuleSpec | undefined {
  const first = firstBoundary(text)
  const spec = readCriteria(text, first, context)
  if (spec === undefined) return undefined
  const matches: Match[] = []
  const { pieces, protocol } = piecesOf(spec, context)
  for (let at = first + 1, end = first; at < text.length; at = end + 1) {
    end = boundary(text, at)
    const piece = text.slice(at, end)
    if (piece.charCodeAt(1) === M) {
      const match = pieces.matches.get(piece) ?? parseMatch(piece, protocol, context)
      if (match === undefined) return undefined
      pieces.matches.set(piece, match)
      matches.push(match)
    } else {
      if (end < text.length) return undefined
      const target = pieces.targets.get(piece) ?? parseTarget(piece, protocol, context)
      if (target === undefined) return undefined
      pieces.targets.set(piece, target)
      spec.target = target
    }
  }
  return { ...spec, matches }
}

/** The `ruleKey` of what `readPieces` yields. Undefined: ask that, or read the rule as a whole. */
export function keyOfPieces(text: string, context: PieceContext): string | undefined {
  const { family } = context.dialect
  const first = firstBoundary(text)
  const spec = readCriteria(text, first, context)
  if (spec === undefined) return undefined
  const matches: MatchKey[] = []
  let target = ''
  const { pieces, protocol } = piecesOf(spec, context)
  for (let at = first + 1, end = first; at < text.length; at = end + 1) {
    end = boundary(text, at)
    const piece = text.slice(at, end)
    if (piece.charCodeAt(1) === M) {
      let key = pieces.matchKeys.get(piece)
      if (key === undefined) {
        const match = parseMatch(piece, protocol, context)
        if (match === undefined) return undefined
        key = matchKey(match, family)
        pieces.matchKeys.set(piece, key)
      }
      // Two of a kind may have to be merged.
      for (const other of matches) if (other.module === key.module) return undefined
      matches.push(key)
    } else {
      if (end < text.length) return undefined
      let key = pieces.targetKeys.get(piece)
      if (key === undefined) {
        const parsed = parseTarget(piece, protocol, context)
        if (parsed === undefined) return undefined
        key = targetKey(parsed, family)
        pieces.targetKeys.set(piece, key)
      }
      target = key
    }
  }
  return criteriaKey(spec) + matchesKey(matches) + target
}

const SPACE = 32
const NOT = 33
const QUOTE = 34
const DASH = 45
const BACKSLASH = 92
const G = 103
const J = 106
const M = 109

/** Where the criteria end and the blank before the first piece is; -1 if there are no criteria. */
function firstBoundary(text: string): number {
  const isPiece = text.charCodeAt(0) === DASH && isBoundaryLetter(text.charCodeAt(1))
  return isPiece && text.charCodeAt(2) === SPACE ? -1 : boundary(text, 0)
}

/** The end of the piece that begins at `from`: where the blank before the next one is. */
function boundary(text: string, from: number): number {
  const end = text.length
  for (let at = from; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfQuote(text, at)
    else if (
      code === SPACE &&
      text.charCodeAt(at + 1) === DASH &&
      text.charCodeAt(at + 3) === SPACE &&
      isBoundaryLetter(text.charCodeAt(at + 2))
    ) {
      return at
    }
  }
  return end
}

function isBoundaryLetter(code: number): boolean {
  return code === M || code === J || code === G
}

function endOfQuote(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === BACKSLASH) at++
    else if (code === QUOTE) return at
  }
  return text.length
}

type Building = { -readonly [K in keyof RuleSpec]: RuleSpec[K] }

const NO_MATCHES: readonly Match[] = []

/** Reads up to `end`, where the first match or target is. */
function readCriteria(text: string, end: number, context: PieceContext): Building | undefined {
  const spec: Building = { matches: NO_MATCHES }
  for (let at = 0; at < end; ) {
    const negated = text.charCodeAt(at) === NOT
    if (negated) at += 2
    const flag = text.slice(at, at + 3)
    if (flag === '-f ' || (flag === '-f' && at + 2 === text.length)) {
      if (context.dialect.family === 'ipv6' || spec.fragment !== undefined) return undefined
      spec.fragment = { negated, value: '' }
      at += 3
      continue
    }
    const field = FIELDS[flag]
    if (field === undefined || spec[field] !== undefined) return undefined
    const blank = text.indexOf(' ', at + 3)
    const stop = blank < 0 || blank > end ? end : blank
    const criterion = readCriterion(flag, text.slice(at + 3, stop), { negated, context })
    if (criterion === undefined) return undefined
    spec[field] = criterion
    at = stop + 1
  }
  return spec
}

const FIELDS: Readonly<
  Record<string, 'source' | 'destination' | 'inInterface' | 'outInterface' | 'protocol'>
> = {
  '-s ': 'source',
  '-d ': 'destination',
  '-i ': 'inInterface',
  '-o ': 'outInterface',
  '-p ': 'protocol',
}

interface CriterionContext {
  readonly negated: boolean
  readonly context: PieceContext
}

function readCriterion(
  flag: string,
  value: string,
  { negated, context }: CriterionContext,
): Criterion | undefined {
  // Addresses are many, and seldom the same: nothing is gained by remembering them.
  const isAddress = flag === '-s ' || flag === '-d '
  if (isAddress && context.dialect.family === 'ipv4' && isSavedNetwork(value)) {
    return { negated, value }
  }
  const key = negated ? `!${flag}${value}` : flag + value
  const known = context.cache.criteria.get(key)
  if (known !== undefined) return known
  const criterion = parseCriterion(flag, value, { negated, context })
  if (criterion === undefined || MATCHES_ALL.has(criterion.value)) return undefined
  context.cache.criteria.set(key, criterion)
  return criterion
}

function parseCriterion(
  flag: string,
  value: string,
  { negated, context }: CriterionContext,
): Criterion | undefined {
  if (/[\s"]/.test(value) || value === '') return undefined
  const values = valueContext(context)
  if (flag === '-s ' || flag === '-d ') {
    const networks = parseNetworks(value, negated, values)
    return isRefusal(networks) || networks.length > 1 ? undefined : networks[0]
  }
  const read =
    flag === '-p ' ? parseProtocol(value, negated, values) : parseInterface(value, negated, values)
  return 'code' in read ? undefined : read
}

/** What a save leaves out, or prints only negated: seldom enough to read the rule as a whole. */
const MATCHES_ALL: ReadonlySet<string> = new Set(['0.0.0.0/0', '::/0', '+', '0'])

function valueContext({ dialect, names }: PieceContext): ValueContext {
  return { family: dialect.family, dialect, names, protocol: undefined, caution: () => {} }
}

function piecesOf(
  spec: Building,
  { cache }: PieceContext,
): { readonly pieces: Pieces; readonly protocol: string } {
  const { protocol } = spec
  const name = protocol === undefined || protocol.negated ? '' : protocol.value
  let pieces = cache.pieces.get(name)
  if (pieces === undefined) {
    pieces = {
      matches: new Map(),
      targets: new Map(),
      matchKeys: new Map(),
      targetKeys: new Map(),
    }
    cache.pieces.set(name, pieces)
  }
  return { pieces, protocol: name }
}

function parseMatch(piece: string, protocol: string, context: PieceContext): Match | undefined {
  const { words } = tokenise(piece)
  const plain = readPlainMatch(words, context.dialect.family)
  if (plain !== undefined) return plain
  const spec = parsePiece(words, protocol, context)
  return spec?.matches.length === 1 && spec.target === undefined ? spec.matches[0] : undefined
}

function parseTarget(piece: string, protocol: string, context: PieceContext): Target | undefined {
  const { words } = tokenise(piece)
  const plain = readPlainTarget(words, context.dialect.family)
  if (plain !== undefined) return plain
  const spec = parsePiece(words, protocol, context)
  return spec?.matches.length === 0 ? spec.target : undefined
}

function parsePiece(
  words: readonly string[],
  protocol: string,
  { dialect, names }: PieceContext,
): RuleSpec | undefined {
  const typed = protocol === '' ? words : ['-p', protocol, ...words]
  const { specs, problems } = parseRule(typed, { dialect, names, saved: true })
  return problems.length === 0 && specs.length === 1 ? specs[0] : undefined
}

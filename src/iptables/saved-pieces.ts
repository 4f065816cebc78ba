/**
 * Reads saved rules piece by piece. The rules of a dump repeat each other: thousands of rules share
 * a few hundred matches and targets. Each piece, from one `-m`, `-j` or `-g` to the next, is read
 * once and its match or target shared, so that a rule costs little more than its addresses.
 */
import { isRefusal, type ValueContext } from '../extensions/extension.ts'
import type { Names } from '../extensions/names.ts'
import type { Criterion, Dialect, Match, RuleSpec, Target } from '../ruleset/model.ts'
import { parseInterface, parseNetworks, parseProtocol } from './criteria.ts'
import { parseRule } from './parse-rule.ts'
import type { Words } from './tokenise.ts'

/** What has been read of one dump. */
export interface PieceCache {
  readonly criteria: Map<string, Criterion>
  readonly matches: Map<string, Match>
  readonly targets: Map<string, Target>
}

export interface PieceContext {
  readonly dialect: Dialect
  readonly names: Names
  readonly cache: PieceCache
}

export function newPieceCache(): PieceCache {
  return { criteria: new Map(), matches: new Map(), targets: new Map() }
}

type Building = { -readonly [K in keyof RuleSpec]: RuleSpec[K] }

/** Undefined when a piece is not in the form of a save: the rule is then read as a whole. */
export function readPieces(text: string, line: Words, context: PieceContext): RuleSpec | undefined {
  const { words, starts } = line
  const matches: Match[] = []
  const spec: Building = { matches }
  const first = readCriteria(spec, line, context)
  if (first === undefined) return undefined
  for (let at = first, end = first; at < words.length; at = end) {
    end = at + 2
    while (end < words.length && !isBoundary(words[end])) end++
    const piece = text.slice(
      starts[at],
      end < words.length ? (starts[end] as number) - 1 : text.length,
    )
    const isMatch = words[at] === '-m'
    if (isMatch) {
      const match = readMatch(piece, words.slice(at, end), { spec, context })
      if (match === undefined) return undefined
      matches.push(match)
    } else {
      if (end < words.length) return undefined
      const target = readTarget(piece, words.slice(at, end), { spec, context })
      if (target === undefined) return undefined
      spec.target = target
    }
  }
  return spec
}

function isBoundary(word: string | undefined): boolean {
  return word === '-m' || word === '-j' || word === '-g'
}

/** Reads up to the first match or target; returns where that is. */
function readCriteria(spec: Building, { words }: Words, context: PieceContext): number | undefined {
  let at = 0
  while (at < words.length && !isBoundary(words[at])) {
    const negated = words[at] === '!'
    if (negated) at++
    const flag = words[at++] as string
    if (flag === '-f') {
      spec.fragment = { negated, value: '' }
      continue
    }
    const value = words[at++]
    const field = FIELDS[flag]
    if (field === undefined || value === undefined || spec[field] !== undefined) return undefined
    const criterion = readCriterion(flag, value, { negated, context })
    if (criterion === undefined) return undefined
    spec[field] = criterion
  }
  return at
}

const FIELDS: Readonly<
  Record<string, 'source' | 'destination' | 'inInterface' | 'outInterface' | 'protocol'>
> = {
  '-s': 'source',
  '-d': 'destination',
  '-i': 'inInterface',
  '-o': 'outInterface',
  '-p': 'protocol',
}

function readCriterion(
  flag: string,
  value: string,
  { negated, context }: { readonly negated: boolean; readonly context: PieceContext },
): Criterion | undefined {
  const key = `${negated ? '!' : ''}${flag}${value}`
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
  { negated, context }: { readonly negated: boolean; readonly context: PieceContext },
): Criterion | undefined {
  const values = valueContext(context)
  if (flag === '-s' || flag === '-d') {
    const networks = parseNetworks(value, negated, values)
    return isRefusal(networks) || networks.length > 1 ? undefined : networks[0]
  }
  const read =
    flag === '-p' ? parseProtocol(value, negated, values) : parseInterface(value, negated, values)
  return 'code' in read ? undefined : read
}

/** What a save leaves out, or prints only negated: seldom enough to read the rule as a whole. */
const MATCHES_ALL: ReadonlySet<string> = new Set(['0.0.0.0/0', '::/0', '+', '0'])

function valueContext({ dialect, names }: PieceContext): ValueContext {
  return { family: dialect.family, dialect, names, protocol: undefined, caution: () => {} }
}

interface Piece {
  readonly spec: RuleSpec
  readonly context: PieceContext
}

function readMatch(
  piece: string,
  words: readonly string[],
  { spec, context }: Piece,
): Match | undefined {
  const key = pieceKey(piece, spec)
  const known = context.cache.matches.get(key)
  if (known !== undefined) return known
  const [match, ...others] = parsePiece(words, { spec, context })?.matches ?? []
  if (match === undefined || others.length > 0) return undefined
  context.cache.matches.set(key, match)
  return match
}

function readTarget(
  piece: string,
  words: readonly string[],
  { spec, context }: Piece,
): Target | undefined {
  const key = pieceKey(piece, spec)
  const known = context.cache.targets.get(key)
  if (known !== undefined) return known
  const parsed = parsePiece(words, { spec, context })
  if (parsed?.target === undefined || parsed.matches.length > 0) return undefined
  context.cache.targets.set(key, parsed.target)
  return parsed.target
}

/** How an option reads may depend on the protocol. */
function pieceKey(piece: string, { protocol }: RuleSpec): string {
  return protocol === undefined || protocol.negated ? piece : `${protocol.value} ${piece}`
}

function parsePiece(words: readonly string[], { spec, context }: Piece): RuleSpec | undefined {
  const { dialect, names } = context
  const protocol =
    spec.protocol === undefined || spec.protocol.negated ? [] : ['-p', spec.protocol.value]
  const { specs, problems } = parseRule([...protocol, ...words], { dialect, names, saved: true })
  return problems.length === 0 && specs.length === 1 ? specs[0] : undefined
}

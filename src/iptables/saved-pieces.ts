/**
 * Reads saved rules piece by piece. The rules of a dump repeat each other: thousands of rules share
 * a few hundred matches and targets. Each piece, from one `-m`, `-j` or `-g` to the next, is read
 * once, so that a rule costs little more than its addresses. The key of a rule is put together from
 * those of its pieces, so that asking for it makes nothing else of the rule.
 */
import { isRefusal, type ValueContext } from '../extensions/extension.ts'
import { isUsualNetwork } from '../net/address.ts'
import type { Criterion, Match, RuleSpec, Target } from '../ruleset/model.ts'
import { parseInterface, parseNetworks, parseProtocol } from './criteria.ts'
import { parseRule } from './parse-rule.ts'
import type { PieceContext, Pieces } from './piece-cache.ts'
import { beginningOf, type PlainBeginning, plainKey, readBeginning } from './plain-piece.ts'
import { criteriaKey, type MatchKey, matchesKey, matchKey, targetKey } from './rule-key.ts'
import { tokenise } from './tokenise.ts'

/** Undefined when a piece is not in the form of a save: the rule is then read as a whole. */
export function readPieces(text: string, context: PieceContext): RuleSpec | undefined {
  const parts = splitRule(text)
  const spec = parts && readCriteria(parts.criteria, context)
  if (spec === undefined || parts === undefined) return undefined
  const matches: Match[] = []
  const { pieces, protocol } = piecesOf(spec, context)
  for (const piece of parts.matches) {
    const match = pieces.matches.get(piece) ?? parseMatch(piece, protocol, context)
    if (match === undefined) return undefined
    pieces.matches.set(piece, match)
    matches.push(match)
  }
  if (parts.target !== undefined) {
    const target = pieces.targets.get(parts.target) ?? parseTarget(parts.target, protocol, context)
    if (target === undefined) return undefined
    pieces.targets.set(parts.target, target)
    spec.target = target
  }
  return { ...spec, matches }
}

/** The `ruleKey` of what `readPieces` yields. Undefined: ask that, or read the rule as a whole. */
export function keyOfPieces(text: string, context: PieceContext): string | undefined {
  const parts = splitRule(text)
  const spec = parts && readCriteria(parts.criteria, context)
  if (spec === undefined || parts === undefined) return undefined
  const matches: MatchKey[] = []
  const { pieces, protocol } = piecesOf(spec, context)
  for (const piece of parts.matches) {
    const key = readMatchKey(piece, { pieces, protocol }, context)
    if (key === undefined) return undefined
    // Two of a kind may have to be merged.
    for (const other of matches) if (other.module === key.module) return undefined
    matches.push(key)
  }
  const target =
    parts.target === undefined ? '' : readTargetKey(parts.target, { pieces, protocol }, context)
  if (target === undefined) return undefined
  // Joined, since thousands of keys are held, each in one piece.
  return [criteriaKey(spec), matchesKey(matches), target].join('')
}

interface Parts {
  /** `-s ADDRESS` and the like, each followed by a blank or the end. */
  readonly criteria: string
  readonly matches: readonly string[]
  readonly target: string | undefined
}

/** What is between two blanks before `-m`, `-j` or `-g`, but for those inside quotes. */
const PIECES = /(?:[^" ]|"(?:[^"\\]|\\[\s\S])*"?| (?!-[mjg] ))+/g

function splitRule(text: string): Parts | undefined {
  const matches = text.match(PIECES) ?? []
  const criteria = isPiece(matches[0]) ? '' : (matches.shift() ?? '')
  const last = matches.at(-1)
  const target = last === undefined || last.startsWith('-m ') ? undefined : matches.pop()
  return matches.every((piece) => piece.startsWith('-m '))
    ? { criteria, matches, target }
    : undefined
}

function isPiece(text: string | undefined): boolean {
  return text !== undefined && /^-[mjg] /.test(text)
}

/** Plain pieces are many, and seldom the same: only the others are remembered. */
function readMatchKey(
  piece: string,
  { pieces, protocol }: ProtocolPieces,
  context: PieceContext,
): MatchKey | undefined {
  const text = beginningOf(piece)
  const beginning = findBeginning(text, context)
  const plain = beginning && plainKey(piece, text, beginning)
  if (plain !== undefined && beginning !== undefined) {
    return { module: beginning.module, effect: beginning.effect, text: `${plain} ` }
  }
  let key = pieces.matchKeys.get(piece)
  if (key === undefined) {
    const match = parseMatch(piece, protocol, context)
    if (match === undefined) return undefined
    key = matchKey(match, context.dialect.family)
    pieces.matchKeys.set(piece, key)
  }
  return key
}

function readTargetKey(
  piece: string,
  { pieces, protocol }: ProtocolPieces,
  context: PieceContext,
): string | undefined {
  const text = beginningOf(piece)
  const beginning = findBeginning(text, context)
  const plain = beginning && plainKey(piece, text, beginning)
  if (plain !== undefined) return plain
  let key = pieces.targetKeys.get(piece)
  if (key === undefined) {
    const target = parseTarget(piece, protocol, context)
    if (target === undefined) return undefined
    key = targetKey(target, context.dialect.family)
    pieces.targetKeys.set(piece, key)
  }
  return key
}

function findBeginning(text: string, { cache, dialect }: PieceContext): PlainBeginning | undefined {
  let found = cache.beginnings.get(text)
  if (found === undefined) {
    found = readBeginning(text, dialect.family) ?? null
    cache.beginnings.set(text, found)
  }
  return found ?? undefined
}

type Building = { -readonly [K in keyof RuleSpec]: RuleSpec[K] }

const NO_MATCHES: readonly Match[] = []

/** In the order of a save. */
const CRITERIA =
  /^(?:(! )?-s (\S+)(?: |$))?(?:(! )?-d (\S+)(?: |$))?(?:(! )?-i (\S+)(?: |$))?(?:(! )?-o (\S+)(?: |$))?(?:(! )?-p (\S+)(?: |$))?(?:(! )?(-f)(?: |$))?$/

function readCriteria(text: string, context: PieceContext): Building | undefined {
  const spec: Building = { matches: NO_MATCHES }
  if (text === '') return spec
  const words = CRITERIA.exec(text)
  if (words === null) return undefined
  for (const [index, [flag, field]] of FIELDS.entries()) {
    const value = words[2 * index + 2]
    if (value === undefined) continue
    const negated = words[2 * index + 1] !== undefined
    const criterion = readCriterion(flag, value, { negated, context })
    if (criterion === undefined) return undefined
    spec[field] = criterion
  }
  return spec
}

const FIELDS = [
  ['-s', 'source'],
  ['-d', 'destination'],
  ['-i', 'inInterface'],
  ['-o', 'outInterface'],
  ['-p', 'protocol'],
  ['-f', 'fragment'],
] as const

interface CriterionContext {
  readonly negated: boolean
  readonly context: PieceContext
}

function readCriterion(
  flag: string,
  value: string,
  { negated, context }: CriterionContext,
): Criterion | undefined {
  const isAddress = flag === '-s' || flag === '-d'
  // Addresses are many, and seldom the same: nothing is gained by remembering them.
  if (isAddress && context.dialect.family === 'ipv4' && isUsualNetwork(value)) {
    return { negated, value }
  }
  const key = negated ? `! ${flag} ${value}` : `${flag} ${value}`
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
  if (value.includes('"')) return undefined
  if (flag === '-f') return context.dialect.family === 'ipv6' ? undefined : { negated, value: '' }
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

interface ProtocolPieces {
  readonly pieces: Pieces
  readonly protocol: string
}

function piecesOf(spec: Building, { cache }: PieceContext): ProtocolPieces {
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
  const spec = parsePiece(piece, protocol, context)
  return spec?.matches.length === 1 && spec.target === undefined ? spec.matches[0] : undefined
}

function parseTarget(piece: string, protocol: string, context: PieceContext): Target | undefined {
  const spec = parsePiece(piece, protocol, context)
  return spec?.matches.length === 0 ? spec.target : undefined
}

function parsePiece(piece: string, protocol: string, context: PieceContext): RuleSpec | undefined {
  const { dialect, names } = context
  const { words } = tokenise(piece)
  const typed = protocol === '' ? words : ['-p', protocol, ...words]
  const { specs, problems } = parseRule(typed, { dialect, names, saved: true })
  const [spec] = specs
  if (spec === undefined || problems.length > 0 || specs.length > 1) return undefined
  // Somebody typed `-m tcp --dport 80 -s 10.0.0.1`: the address is no part of the match.
  const isMore = FIELDS.some(([, field]) => field !== 'protocol' && spec[field] !== undefined)
  const found = spec.protocol === undefined || spec.protocol.negated ? '' : spec.protocol.value
  return isMore || spec.protocol?.negated === true || found !== protocol ? undefined : spec
}

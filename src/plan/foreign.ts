import { type ForeignPatterns, type ForeignTool, KNOWN_TOOLS } from '../policy/policy.ts'
import type { Rule, TableName } from '../ruleset/model.ts'
import { PLACEHOLDERS, PRESETS } from './presets.ts'

/** The chain that a rule stands in. */
export interface Place {
  readonly table: TableName
  readonly chain: string
}

/** Whose a rule is: a known tool's, or one that the policy's own patterns say. */
export type ForeignOwner = ForeignTool | 'ownership.foreign'

const MANY_NAMES = 50_000

/** Whether another tool owns the chain. */
export function isForeignChain(name: string, patterns: ForeignPatterns = KNOWN_TOOLS): boolean {
  const { chains, innerChains, known } = chainGlobs(patterns)
  let isForeign = known.get(name)
  if (isForeign === undefined) {
    // Those of containers and services come and go as long as a host is watched.
    if (known.size >= MANY_NAMES) known.clear()
    isForeign = ownerOf(name, chains) !== undefined || ownerOf(name, innerChains) !== undefined
    known.set(name, isForeign)
  }
  return isForeign
}

/** Whether the rule, standing in a chain that is shared, belongs to another tool. */
export function isForeignRule(
  rule: Rule,
  place: Place,
  patterns: ForeignPatterns = KNOWN_TOOLS,
): boolean {
  return foreignOwner(rule, place, patterns) !== undefined
}

/** The tool that a rule of a shared chain belongs to; undefined: to none that is known. */
export function foreignOwner(
  rule: Rule,
  place: Place,
  patterns: ForeignPatterns = KNOWN_TOOLS,
): ForeignOwner | undefined {
  const { chains } = chainGlobs(patterns)
  const { comments, sets, interfaces, shapes } = ruleMarks(patterns)
  const target = rule.spec.target?.name
  return (
    (target === undefined ? undefined : ownerOf(target, chains)) ??
    firstOwner(commentsOf(rule), comments) ??
    firstOwner(valuesOf(rule, 'set', 'match-set'), sets) ??
    shapes.get(`${place.table} ${place.chain}`)?.find(([, shape]) => shape.test(rule.text))?.[0] ??
    firstOwner(interfacesOf(rule), interfaces)
  )
}

/** The text of the rule's first comment: what operators know the rule by. */
export function commentOf(rule: Rule): string | undefined {
  return (plainComments(rule.text) ?? commentsOf(rule))[0]
}

/** Calico gives a rule two: its own mark, and what the rule is for. */
function commentsOf(rule: Rule): readonly string[] {
  return valuesOf(rule, 'comment', 'comment')
}

const COMMENT = '-m comment --comment '
/** What is longer may be too long for the kernel, in UTF-8. */
const SHORT = 80

/**
 * The comments that a text says in the usual way; undefined: the rule has to be read. The names of
 * 10,000 rules are shown faster than so many are read.
 */
export function plainComments(text: string): readonly string[] | undefined {
  const at = text.indexOf(COMMENT)
  // Anything that is quoted may be a word.
  if (at < 0) return text.includes('comment') || text.includes('"') ? undefined : []
  const start = at + COMMENT.length
  const isQuoted = text[start] === '"'
  const from = isQuoted ? start + 1 : start
  const found = text.indexOf(isQuoted ? '"' : ' ', from)
  if (isQuoted && found < 0) return undefined
  const end = found < 0 ? text.length : found
  const after = isQuoted ? end + 1 : end
  const comment = text.slice(from, end)
  const isPlain =
    (at === 0 || text[at - 1] === ' ') &&
    (after === text.length || text[after] === ' ') &&
    comment.length <= SHORT &&
    !text.slice(0, at).includes('"') &&
    !(isQuoted ? comment.includes('\\') : /["\s]|^$/.test(comment)) &&
    !/comment|["\\]/.test(text.slice(after))
  return isPlain ? [comment] : undefined
}

function valuesOf({ spec }: Rule, module: string, name: string): readonly string[] {
  return spec.matches.flatMap((match) =>
    match.module !== module
      ? []
      : match.options.flatMap((option) => (option.name === name ? option.values.slice(0, 1) : [])),
  )
}

/** Those that it is about; a rule for every interface but one is about no interface. */
function interfacesOf({ spec }: Rule): readonly string[] {
  return [spec.inInterface, spec.outInterface].flatMap((criterion) =>
    criterion === undefined || criterion.negated ? [] : [criterion.value],
  )
}

interface Glob {
  readonly owner: ForeignOwner
  readonly glob: string
  /** What a text has to begin with: that tells most of them apart. */
  readonly head: string
}

/** The first that matches says whose it is. */
interface Globs {
  /** Those that may match a text, by its first character. */
  readonly byFirst: ReadonlyMap<string, readonly Glob[]>
  /** Those that may match any other text. */
  readonly others: readonly Glob[]
}

function indexGlobs(globs: readonly Glob[]): Globs {
  const isOpen = ({ head }: Glob): boolean => head === ''
  const firsts = new Set(globs.filter((glob) => !isOpen(glob)).map(({ head }) => head.charAt(0)))
  const startingWith = (first: string): readonly Glob[] =>
    globs.filter((glob) => isOpen(glob) || glob.head.startsWith(first))
  return {
    byFirst: new Map([...firsts].map((first) => [first, startingWith(first)])),
    others: globs.filter(isOpen),
  }
}

/** What chains are recognised by. */
const chainGlobs = onceEach(({ presets, chains }) => ({
  chains: indexGlobs([...presetGlobs(presets, 'chains'), ...ownGlobs(chains)]),
  innerChains: indexGlobs(presetGlobs(presets, 'innerChains')),
  /** Whether chains of these names are foreign: of thousands it is asked again and again. */
  known: new Map<string, boolean>(),
}))

/** What rules are recognised by, beside the chains that they jump to: few chains have rules of others. */
const ruleMarks = onceEach(({ presets, comments, interfaces }) => ({
  comments: indexGlobs([...presetGlobs(presets, 'comments'), ...ownGlobs(comments)]),
  sets: indexGlobs(presetGlobs(presets, 'sets')),
  interfaces: indexGlobs(ownGlobs(interfaces)),
  shapes: shapesOf(presets),
}))

function onceEach<T>(make: (patterns: ForeignPatterns) => T): (patterns: ForeignPatterns) => T {
  const made = new WeakMap<ForeignPatterns, { readonly value: T }>()
  return (patterns) => {
    const known = made.get(patterns) ?? { value: make(patterns) }
    made.set(patterns, known)
    return known.value
  }
}

function presetGlobs(
  presets: ForeignPatterns['presets'],
  key: 'chains' | 'innerChains' | 'comments' | 'sets',
): readonly Glob[] {
  return presets.flatMap((tool) => (PRESETS[tool][key] ?? []).map((glob) => newGlob(tool, glob)))
}

function ownGlobs(globs: readonly string[]): readonly Glob[] {
  return globs.map((glob) => newGlob('ownership.foreign', glob))
}

function newGlob(owner: ForeignOwner, glob: string): Glob {
  return { owner, glob, head: glob.slice(0, `${glob}*`.indexOf('*')) }
}

/** By table and chain. */
function shapesOf(
  presets: ForeignPatterns['presets'],
): ReadonlyMap<string, readonly (readonly [ForeignOwner, RegExp])[]> {
  const shapes = new Map<string, (readonly [ForeignOwner, RegExp])[]>()
  for (const tool of presets) {
    for (const line of PRESETS[tool].rules ?? []) {
      const [where = '', text = ''] = /^(\S+ \S+) (.*)$/.exec(line)?.slice(1) ?? []
      shapes.set(where, [...(shapes.get(where) ?? []), [tool, ruleShape(text)]])
    }
  }
  return shapes
}

/** `-i <bridge> -o <bridge>`: the second time, a name stands for the word that it stood for first. */
function ruleShape(text: string): RegExp {
  const seen = new Set<string>()
  const source = text
    .split(/<(\w+)>/)
    .map((part, index) => {
      if (index % 2 === 0) return part.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')
      if (seen.has(part)) return `\\k<${part}>`
      seen.add(part)
      return `(?<${part}>${PLACEHOLDERS[part]})`
    })
    .join('')
  return new RegExp(`^${source}$`)
}

function firstOwner(texts: readonly string[], globs: Globs): ForeignOwner | undefined {
  for (const text of texts) {
    const owner = ownerOf(text, globs)
    if (owner !== undefined) return owner
  }
  return undefined
}

function ownerOf(text: string, { byFirst, others }: Globs): ForeignOwner | undefined {
  for (const { owner, glob, head } of byFirst.get(text.charAt(0)) ?? others) {
    if (text.startsWith(head) && matchesGlob(text, glob)) return owner
  }
  return undefined
}

/** No regular expression is built from a policy's glob: a hostile one could take exponential time. */
function matchesGlob(text: string, glob: string): boolean {
  if (!glob.includes('*')) return text === glob
  const [head = '', ...pieces] = glob.split('*')
  const tail = pieces.pop() ?? ''
  let at = head.length
  for (const piece of pieces) {
    const found = text.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return text.length - tail.length >= at && text.endsWith(tail)
}

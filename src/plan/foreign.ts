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

/** Whether another tool owns the chain. */
export function isForeignChain(name: string, patterns: ForeignPatterns = KNOWN_TOOLS): boolean {
  return (
    matchesAny(name, patterns.chains) ||
    patterns.presets.some((tool) => {
      const { chains = [], innerChains = [] } = PRESETS[tool]
      return matchesAny(name, chains) || matchesAny(name, innerChains)
    })
  )
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
  const target = rule.spec.target?.name
  const comments = commentsOf(rule)
  const sets = setsOf(rule)
  const known = patterns.presets.find((tool) => {
    const preset = PRESETS[tool]
    return (
      (target !== undefined && matchesAny(target, preset.chains)) ||
      comments.some((comment) => matchesAny(comment, preset.comments)) ||
      sets.some((set) => matchesAny(set, preset.sets)) ||
      shapesOf(tool, place).some((shape) => shape.test(rule.text))
    )
  })
  if (known !== undefined) return known
  const isNamed =
    (target !== undefined && matchesAny(target, patterns.chains)) ||
    comments.some((comment) => matchesAny(comment, patterns.comments)) ||
    interfacesOf(rule).some((name) => matchesAny(name, patterns.interfaces))
  return isNamed ? 'ownership.foreign' : undefined
}

/** The text of the rule's first comment: what operators know the rule by. */
export function commentOf(rule: Rule): string | undefined {
  return commentsOf(rule)[0]
}

/** Calico gives a rule two: its own mark, and what the rule is for. */
function commentsOf(rule: Rule): readonly string[] {
  return rule.spec.matches.flatMap(({ module, options }) =>
    module === 'comment' ? optionValues(options, 'comment') : [],
  )
}

function setsOf(rule: Rule): readonly string[] {
  return rule.spec.matches.flatMap(({ module, options }) =>
    module === 'set' ? optionValues(options, 'match-set') : [],
  )
}

function optionValues(
  options: Rule['spec']['matches'][number]['options'],
  name: string,
): readonly string[] {
  return options.flatMap((option) => (option.name === name ? option.values.slice(0, 1) : []))
}

/** Those that it is about; a rule for every interface but one is about no interface. */
function interfacesOf({ spec }: Rule): readonly string[] {
  return [spec.inInterface, spec.outInterface].flatMap((criterion) =>
    criterion === undefined || criterion.negated ? [] : [criterion.value],
  )
}

const SHAPES = new Map<ForeignTool, ReadonlyMap<string, readonly RegExp[]>>()

function shapesOf(tool: ForeignTool, { table, chain }: Place): readonly RegExp[] {
  let shapes = SHAPES.get(tool)
  if (shapes === undefined) {
    const made = new Map<string, RegExp[]>()
    for (const line of PRESETS[tool].rules ?? []) {
      const [where = '', text = ''] = /^(\S+ \S+) (.*)$/.exec(line)?.slice(1) ?? []
      made.set(where, [...(made.get(where) ?? []), ruleShape(text)])
    }
    shapes = made
    SHAPES.set(tool, made)
  }
  return shapes.get(`${table} ${chain}`) ?? []
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

function matchesAny(text: string, globs: readonly string[] | undefined): boolean {
  return globs?.some((glob) => matchesGlob(text, glob)) ?? false
}

/** No regular expression is built from a policy's glob: a hostile one could take exponential time. */
function matchesGlob(text: string, glob: string): boolean {
  const [head = '', ...pieces] = glob.split('*')
  const tail = pieces.pop()
  if (tail === undefined) return text === glob
  if (!text.startsWith(head)) return false
  let at = head.length
  for (const piece of pieces) {
    const found = text.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return text.length - tail.length >= at && text.endsWith(tail)
}

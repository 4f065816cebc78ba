/** The words of one rule, for one family and one choice out of each list. */
import type { Position } from '../base/diagnostic.ts'
import {
  EXTENSIONS,
  findMatch,
  findTarget,
  implicitMatch,
  optionNames,
} from '../extensions/catalogue.ts'
import type { MatchExtension } from '../extensions/extension.ts'
import { parseNumber } from '../extensions/values/number.ts'
import { OWN_PROTOCOLS } from '../extensions/values/protocol.ts'
import type { Family } from '../ruleset/model.ts'
import { type OperandContext, type OperandMember, protocolFamilies } from './operand.ts'
import { extensionWords, optionWords, type Word } from './option-words.ts'
import { multiportOption } from './ports.ts'
import type { MatchPart, RuleParts, TargetPart } from './rule-parts.ts'
import { type Entry, entriesOf } from './value.ts'

/** One member of each list, and one chunk of each multiport. */
export interface Choice {
  readonly source?: OperandMember
  readonly destination?: OperandMember
  readonly inInterface?: OperandMember
  readonly outInterface?: OperandMember
  readonly protocol?: OperandMember
  /** The chunk of ports for each multiport that is not negated. */
  readonly chunks: ReadonlyMap<MatchPart, readonly string[]>
}

export interface WordsContext extends OperandContext {
  readonly family: Family
}

/** Words as typed after `-A CHAIN`. What can not be written is reported and left out. */
export function ruleWords(parts: RuleParts, choice: Choice, context: WordsContext): Word[] {
  const criterion = (
    option: string,
    negated: boolean,
    member: OperandMember | undefined,
  ): Word[] =>
    member === undefined
      ? []
      : withNot(negated, { text: option, at: member.at }, { text: member.text, at: member.at })
  return [
    ...criterion('-s', parts.source?.negated ?? false, choice.source),
    ...criterion('-d', parts.destination?.negated ?? false, choice.destination),
    ...criterion('-i', parts.inInterface?.negated ?? false, choice.inInterface),
    ...criterion('-o', parts.outInterface?.negated ?? false, choice.outInterface),
    ...criterion('-p', parts.protocol?.negated ?? false, choice.protocol),
    ...(parts.fragment
      ? withNot(parts.fragment.negated, { text: '-f', at: parts.fragment.at })
      : []),
    ...parts.matches.flatMap((part) => matchWords(part, parts, choice, context)),
    ...(parts.target ? targetWords(parts.target, context) : []),
  ]
}

function withNot(negated: boolean, option: Word, ...values: readonly Word[]): Word[] {
  return [...(negated ? [{ text: '!', at: option.at }] : []), option, ...values]
}

function load(module: string, at: Position): Word[] {
  return [
    { text: '-m', at },
    { text: module, at },
  ]
}

function matchWords(
  part: MatchPart,
  parts: RuleParts,
  choice: Choice,
  context: WordsContext,
): Word[] {
  const { family, findings } = context
  switch (part.kind) {
    case 'comment':
      return [
        ...load('comment', part.at),
        { text: '--comment', at: part.at },
        { text: part.text, at: part.at },
      ]
    case 'match': {
      const { key, keyAt, value } = part.entry
      const match = findMatch(key, family)
      return match === undefined
        ? []
        : [...load(key, keyAt), ...extensionWords(match, value, findings)]
    }
    case 'shorthand': {
      const match = findMatch(part.module, family)
      const option = match && optionNames(match).get(part.entry.key)
      if (option === undefined) return []
      return [...load(part.module, part.entry.keyAt), ...optionWords(option, part.entry, findings)]
    }
    case 'multiport': {
      const chunks = part.negated ? part.chunks : [choice.chunks.get(part) ?? []]
      if (protocolMatch(parts, choice, context) === undefined)
        return needsProtocol(part.entry, context)
      const { keyAt, key, value } = part.entry
      const option: Word = { text: `--${multiportOption(key)}`, at: keyAt }
      return chunks.flatMap((chunk) => [
        ...load('multiport', keyAt),
        ...withNot(part.negated, option, { text: chunk.join(','), at: value.at }),
      ])
    }
    case 'protocol': {
      const match = protocolMatch(parts, choice, context)
      const names = match && optionNames(match)
      const words = part.entries.flatMap((entry) => {
        const option = names?.get(entry.key)
        return option === undefined
          ? needsProtocol(entry, context)
          : optionWords(option, entry, findings)
      })
      const [first] = part.entries
      return match === undefined || first === undefined
        ? []
        : [...load(match.name, first.keyAt), ...words]
    }
  }
}

function protocolMatch(
  parts: RuleParts,
  choice: Choice,
  context: WordsContext,
): MatchExtension | undefined {
  if (choice.protocol === undefined || parts.protocol?.negated) return undefined
  const name = choice.protocol.text.toLowerCase()
  const number = parseNumber(name) ?? OWN_PROTOCOLS[name] ?? context.names.protocolNumber(name)
  return number === undefined ? undefined : implicitMatch(String(number), context.family)
}

function needsProtocol(entry: Entry, { names, family, findings }: WordsContext): Word[] {
  const protocols = EXTENSIONS.flatMap((e) => (e.kind === 'match' && e.implicitFor ? [e] : []))
    .filter((e) => optionNames(e).has(entry.key))
    .flatMap((e) => e.implicitFor ?? [])
    .map((number) => names.protocolName(Number(number)) ?? number)
    .filter((name) => protocolFamilies(name).includes(family))
  const list = [...new Set(protocols)].join(' or ')
  findings.error(
    'needs-protocol',
    entry.keyAt,
    `${entry.key} needs protocol ${list}`,
    'add `protocol:`',
  )
  return []
}

function targetWords(target: TargetPart, { family, findings }: WordsContext): Word[] {
  const { verb, name, at, keyAt, options } = target
  const words: Word[] = [
    { text: verb === 'jump' ? '-j' : '-g', at: keyAt },
    { text: name, at },
  ]
  if (options === undefined || entriesOf(options).length === 0) return words
  const extension = findTarget(name, family)
  return extension === undefined
    ? words
    : [...words, ...extensionWords(extension, options, findings)]
}

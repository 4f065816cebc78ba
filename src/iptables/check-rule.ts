/** What is wrong with a rule whose words are all right. */
import { type Extension, type Refusal, refuse } from '../extensions/extension.ts'
import { LEGACY_VERDICTS } from '../ruleset/hooks.ts'
import type { Match, Option, RuleSpec } from '../ruleset/model.ts'
import { shareOption } from './merge-matches.ts'
import { problem, type Reading } from './reading.ts'

/** What depends on the rule as a whole: the protocol, and the extensions' own checks. */
export function checkExtensions(reading: Reading, spec: RuleSpec): void {
  const { dialect } = reading.context
  const { target } = spec
  if (
    dialect.backend === 'nft' &&
    target?.verb === 'jump' &&
    LEGACY_VERDICTS.includes(target.name)
  ) {
    const refusal = refuse(
      'wrong-backend',
      `iptables-nft can not load ${target.name}`,
      'use NFQUEUE',
    )
    problem(reading, reading.target?.word ?? 0, refusal)
  }
  if (spec.matches.length > 1) checkTwins(reading, spec.matches)
  const instances = reading.target ? [...reading.matches, reading.target] : reading.matches
  const stored = [...spec.matches, ...(spec.target ? [spec.target] : [])]
  for (const [i, instance] of instances.entries()) {
    const { extension, word } = instance
    if (extension === undefined) continue
    const options = stored[i]?.options ?? []
    const wanted = extension.protocols
    const refusal =
      wanted && !hasProtocol(spec, wanted)
        ? refuse('needs-protocol', `${extension.name} needs ${protocolList(wanted, reading)}`)
        : extension.check?.(options, { spec, dialect })
    if (refusal) problem(reading, word, refusal)
    const caution =
      extension.caution?.(options, { spec, dialect }) ?? neverMatches(extension, options)
    if (caution) reading.cautions.push({ ...caution, word })
  }
}

/** Where two instances of one match test the same thing, nft stores only the last test. */
function checkTwins(reading: Reading, matches: readonly Match[]): void {
  for (const [i, match] of matches.entries()) {
    const entry = reading.matches[i]?.extension
    if (entry?.kind !== 'match' || !entry.mergeable) continue
    const twin = matches.slice(0, i).find((m) => m.module === match.module && shareOption(m, match))
    if (twin === undefined) continue
    const message = `two ${match.module} matches test the same: with nft only the last one counts`
    const hint = 'write one of them, or use two rules'
    reading.cautions.push({
      ...refuse('changes-meaning', message, hint),
      word: reading.matches[i]?.word ?? 0,
    })
  }
}

function hasProtocol({ protocol }: RuleSpec, wanted: readonly string[]): boolean {
  return protocol !== undefined && !protocol.negated && wanted.includes(protocol.value)
}

function protocolList(numbers: readonly string[], { context }: Reading): string {
  const names = numbers.map((n) => context.names.protocolName(Number(n)) ?? n)
  return `"-p ${names.join('|')}"`
}

/** A negated full range matches no packet, and older versions save it as one that matches all. */
function neverMatches(extension: Extension, options: readonly Option[]): Refusal | undefined {
  const never = options.find(
    (o) => o.negated && o.values.join(' ') === extension.options[o.name]?.any,
  )
  if (never === undefined) return undefined
  const message = `"! --${never.name}" with the full range matches no packet, and iptables may save it as a match for all`
  return refuse('never-matches', message, 'remove the rule or the option')
}

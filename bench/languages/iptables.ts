/** The rulesets as iptables takes and prints them. */
import { type Edit, edited } from '../rulesets/edit.ts'
import type { BenchRule, BenchRuleset } from '../rulesets/ruleset.ts'

/** What follows `-A CHAIN`, as iptables-save prints it. */
export function ruleWords(rule: BenchRule): readonly string[] {
  const { protocol, dport = [], ctstate, limit, probability, comment } = rule
  return [
    ...operand('-s', rule.source),
    ...operand('-d', rule.destination),
    ...operand('-i', rule.inInterface),
    ...operand('-o', rule.outInterface),
    ...(protocol === undefined ? [] : ['-p', protocol]),
    ...(dport.length === 1 ? ['-m', protocol ?? '', '--dport', ...dport] : []),
    ...(dport.length > 1 ? ['-m', 'multiport', '--dports', dport.join(',')] : []),
    ...(ctstate === undefined ? [] : ['-m', 'conntrack', '--ctstate', ctstate.join(',')]),
    ...(limit === undefined ? [] : ['-m', 'limit', '--limit', limit]),
    ...(probability === undefined
      ? []
      : ['-m', 'statistic', '--mode', 'random', '--probability', probability]),
    ...(comment === undefined ? [] : ['-m', 'comment', '--comment', comment]),
    ...targetWords(rule),
  ]
}

function targetWords({ jump, dnat, orMark }: BenchRule): readonly string[] {
  if (dnat !== undefined) return ['-j', 'DNAT', '--to-destination', dnat]
  if (orMark !== undefined) return ['-j', 'MARK', '--set-xmark', `${orMark}/${orMark}`]
  if (jump === 'REJECT') return ['-j', 'REJECT', '--reject-with', 'icmp-port-unreachable']
  return jump === undefined ? [] : ['-j', jump]
}

function operand(option: string, value: string | undefined): readonly string[] {
  if (value === undefined) return []
  return value.startsWith('! ') ? ['!', option, value.slice(2)] : [option, value]
}

/** iptables-save quotes comments, unless they are one plain word. */
export function ruleText(rule: BenchRule): string {
  const quote = (word: string): string =>
    word === rule.comment && /[^\w-]/.test(word) ? `"${word}"` : word
  return ruleWords(rule).map(quote).join(' ')
}

/** The whole table for iptables-restore. With counters, each rule has some of its own. */
export function restoreText(
  ruleset: BenchRuleset,
  { counters = false }: { readonly counters?: boolean } = {},
): string {
  const { table, chains } = ruleset
  let index = 0
  const count = (): string => (counters ? `[${++index}:${index * 60}] ` : '')
  return `${[
    `*${table}`,
    ...chains.map(({ name, policy = '-' }) => `:${name} ${policy} [0:0]`),
    ...chains.flatMap(({ name, rules }) =>
      rules.map((rule) => `${count()}-A ${name} ${ruleText(rule)}`),
    ),
    'COMMIT',
  ].join('\n')}\n`
}

export type EditForm = '-R' | '-D -I' | 'rewrite'

/** The single forms in which edits can be written for `iptables-restore --noflush`. */
export const EDIT_FORMS: Readonly<
  Record<EditForm, (before: BenchRuleset, edits: readonly Edit[]) => string>
> = {
  '-R': ({ table }, edits) =>
    batch(
      table,
      edits.map(({ chain, position, after }) => `-R ${chain} ${position} ${ruleText(after)}`),
    ),
  '-D -I': ({ table }, edits) =>
    batch(
      table,
      edits.flatMap(({ chain, position, after }) => [
        `-D ${chain} ${position}`,
        `-I ${chain} ${position} ${ruleText(after)}`,
      ]),
    ),
  rewrite: (before, edits) => {
    const touched = new Set(edits.map(({ chain }) => chain))
    const chains = edited(before, edits).chains.filter(({ name }) => touched.has(name))
    return batch(
      before.table,
      chains.flatMap(({ name, rules }) => [
        `-F ${name}`,
        ...rules.map((rule) => `-A ${name} ${ruleText(rule)}`),
      ]),
    )
  },
}

function batch(table: string, lines: readonly string[]): string {
  return `${[`*${table}`, ...lines, 'COMMIT'].join('\n')}\n`
}

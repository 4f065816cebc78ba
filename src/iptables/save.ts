/**
 * iptables-save text ⇄ Ruleset. How it is read is in save-reader.ts; what was read is printed as the
 * dump that it was, but for its comment lines.
 */
import type { Counters, Ruleset } from '../ruleset/model.ts'
import {
  type CommentLine,
  type ParseSaveOptions,
  type SavedRuleset,
  saveReader,
} from './save-reader.ts'

/** Reads the text of iptables-save or ip6tables-save. Never throws on bad input. */
export function parseSave(text: string, options: ParseSaveOptions): SavedRuleset {
  const reader = saveReader(options)
  reader.write(text)
  return reader.end()
}

/**
 * The text that iptables-restore reads and iptables-save would print, with counters. With the
 * comments of a dump it is that dump again, byte for byte.
 */
export function printSave(ruleset: Ruleset, comments: readonly CommentLine[] = []): string {
  const lines = restoreLines(ruleset, counted)
  for (const { before, text } of comments) lines.splice(before, 0, text)
  return lines.map((line) => `${line}\n`).join('')
}

/** The same without any counters: what does not change while packets flow. */
export function printState(ruleset: Ruleset): string {
  return restoreLines(ruleset, (line) => line)
    .map((line) => `${line}\n`)
    .join('')
}

/** `count`: puts the counters of a rule or chain to its line. */
function restoreLines(
  { tables }: Ruleset,
  count: (line: string, counters: Counters | undefined, kind: 'rule' | 'chain') => string,
): string[] {
  const lines: string[] = []
  for (const table of tables) {
    lines.push(`*${table.name}`)
    for (const { name, policy, counters } of table.chains) {
      lines.push(count(`:${name} ${policy ?? '-'}`, counters, 'chain'))
    }
    for (const { name, rules } of table.chains) {
      for (const { text, counters } of rules) {
        lines.push(count(`-A ${name}${text && ` ${text}`}`, counters, 'rule'))
      }
    }
    lines.push('COMMIT')
  }
  return lines
}

function counted(line: string, counters: Counters | undefined, kind: 'rule' | 'chain'): string {
  if (counters === undefined) return line
  const printed = printCounters(counters)
  return kind === 'rule' ? `${printed} ${line}` : `${line} ${printed}`
}

function printCounters({ packets, bytes }: Counters): string {
  return `[${packets}:${bytes}]`
}

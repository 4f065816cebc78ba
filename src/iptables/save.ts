/**
 * iptables-save text ⇄ Ruleset. How it is read is in save-reader.ts; what was read is printed as the
 * dump that it was, but for its comment lines.
 */
import type { Counters, Rule, Ruleset } from '../ruleset/model.ts'
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
  const lines: string[] = []
  for (const table of ruleset.tables) {
    lines.push(`*${table.name}`)
    for (const chain of table.chains) {
      const counters = chain.counters ? ` ${printCounters(chain.counters)}` : ''
      lines.push(`:${chain.name} ${chain.policy ?? '-'}${counters}`)
    }
    for (const chain of table.chains) {
      for (const rule of chain.rules) lines.push(printRuleLine(chain.name, rule))
    }
    lines.push('COMMIT')
  }
  for (const { before, text } of comments) lines.splice(before, 0, text)
  return lines.map((line) => `${line}\n`).join('')
}

function printRuleLine(chain: string, { text, counters }: Rule): string {
  return `${counters ? `${printCounters(counters)} ` : ''}-A ${chain}${text && ` ${text}`}`
}

function printCounters({ packets, bytes }: Counters): string {
  return `[${packets}:${bytes}]`
}

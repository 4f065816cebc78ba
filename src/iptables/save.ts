/**
 * iptables-save text ⇄ Ruleset. How it is read is in save-reader.ts; what was read is printed as the
 * dump that it was, but for its comment lines.
 */
import type { Chain, Counters, Rule, Ruleset, TableName } from '../ruleset/model.ts'
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
export function printSave({ tables }: Ruleset, comments: readonly CommentLine[] = []): string {
  const lines: string[] = []
  for (const table of tables) {
    lines.push(`*${table.name}`)
    for (const { name, policy, counters } of table.chains) {
      lines.push(`:${name} ${policy ?? '-'}${counters ? ` ${printCounters(counters)}` : ''}`)
    }
    for (const { name, rules } of table.chains) {
      for (const rule of rules) {
        const counters = rule.counters ? `${printCounters(rule.counters)} ` : ''
        lines.push(`${counters}${ruleLine(name, rule)}`)
      }
    }
    lines.push('COMMIT')
  }
  for (const { before, text } of comments) lines.splice(before, 0, text)
  return lines.map((line) => `${line}\n`).join('')
}

/** The same without any counters: what does not change while packets flow. */
export function printState({ tables }: Ruleset): string {
  let text = ''
  for (const { name, chains } of tables) {
    text += `*${name}\n`
    for (const { name, policy } of chains) text += `:${name} ${policy ?? '-'}\n`
    for (const chain of chains) text += rulesText(chain)
    text += 'COMMIT\n'
  }
  return text
}

/** Of two states, one made from the other, most chains are the very same, and are printed once. */
const printed = new WeakMap<Chain['rules'], { readonly chain: string; readonly text: string }>()

function rulesText({ name, rules }: Chain): string {
  const known = printed.get(rules)
  if (known?.chain === name) return known.text
  const text = rules.map((rule) => ruleLine(name, rule)).join('\n')
  const lines = text === '' ? '' : `${text}\n`
  printed.set(rules, { chain: name, text: lines })
  return lines
}

/** The chains that have rules, and the very same ones in a text of `printState`. */
export function chainsAsIn(
  state: string,
  { tables }: Ruleset,
): readonly { readonly table: TableName; readonly chain: string }[] {
  return tables.flatMap((table) => {
    const block = blockOf(table.name, state)
    // Mostly the next chain begins where the one before it ends.
    let at = 0
    const same = table.chains.filter((chain) => {
      const text = rulesText(chain)
      if (text === '') return false
      if (!block.startsWith(text, at)) at = block.indexOf(`\n-A ${chain.name} `) + 1
      if (!block.startsWith(text, at)) return false
      at += text.length
      return !block.startsWith(`-A ${chain.name} `, at)
    })
    return same.map((chain) => ({ table: table.name, chain: chain.name }))
  })
}

/** Without its COMMIT; empty if there is none. */
function blockOf(table: TableName, state: string): string {
  const head = `*${table}\n`
  const start = state.startsWith(head) ? 0 : state.indexOf(`\n${head}`) + 1
  if (!state.startsWith(head, start)) return ''
  return state.slice(start, state.indexOf('\nCOMMIT\n', start) + 1)
}

function ruleLine(chain: string, { text }: Rule): string {
  return `-A ${chain}${text && ` ${text}`}`
}

function printCounters({ packets, bytes }: Counters): string {
  return `[${packets}:${bytes}]`
}

/**
 * iptables-save text ⇄ Ruleset.
 *
 * Goals, and how each is met:
 * 1. Nothing is lost: a rule keeps its text as it was saved, counters are 64 bit, so `printSave` of
 *    what was parsed is the dump again, but for its comment lines.
 * 2. A broken dump is never "empty": a table without COMMIT, an "incompatible" note, a line that is
 *    no part of a save are errors with their line.
 * 3. Quotes are minded across lines: a comment may hold a newline that looks like another rule.
 * 4. A rule the catalogue can not read stays as it is, as an opaque rule; the dump is still good.
 */
import type { Diagnostic, DiagnosticCode } from '../base/diagnostic.ts'
import { BUILTIN_NAMES } from '../extensions/builtin-names.ts'
import type { Names } from '../extensions/names.ts'
import { isBuiltinChain } from '../ruleset/hooks.ts'
import {
  type Chain,
  type Counters,
  type Dialect,
  type Family,
  type Rule,
  type Ruleset,
  TABLES,
  type Table,
  type TableName,
} from '../ruleset/model.ts'
import { newPieceCache } from './saved-pieces.ts'
import { readSavedRule, type SavedRuleContext } from './saved-rule.ts'

export interface SavedRuleset {
  readonly ruleset: Ruleset
  /** From the dump's header; the given default when it has none. */
  readonly dialect: Dialect
  readonly diagnostics: readonly Diagnostic[]
  /** Comment and empty lines, which are no part of the ruleset. */
  readonly comments: readonly CommentLine[]
}

export interface CommentLine {
  /** How many lines stand before it; a quoted text over several counts as one. */
  readonly before: number
  readonly text: string
}

export interface ParseSaveOptions {
  readonly family: Family
  /** Named in diagnostics. */
  readonly file?: string
  /** Used where the dump's header does not say what printed it. */
  readonly dialect?: Dialect
  readonly names?: Names
}

/** A chain that is being filled. */
interface OpenChain {
  readonly head: Omit<Chain, 'rules'>
  readonly rules: Rule[]
}

interface Reading {
  readonly options: ParseSaveOptions
  /** How its rules are read, as far as the header has said it. */
  rules: SavedRuleContext
  /** The number of the line that is read, from 1. */
  line: number
  readonly comments: CommentLine[]
  readonly tables: Table[]
  open:
    | { readonly name: TableName; readonly chains: Map<string, OpenChain>; readonly line: number }
    | undefined
  readonly diagnostics: Diagnostic[]
}

/** Reads the text of iptables-save or ip6tables-save. Never throws on bad input. */
export function parseSave(text: string, options: ParseSaveOptions): SavedRuleset {
  const { family, file, names = BUILTIN_NAMES } = options
  const dialect = options.dialect ?? { family, backend: 'nft', version: [1, 8, 9] }
  const reading: Reading = {
    options,
    rules: { dialect, names, cache: newPieceCache(), ...(file !== undefined && { file }) },
    line: 1,
    comments: [],
    tables: [],
    open: undefined,
    diagnostics: [],
  }
  const lines = linesOf(text)
  for (const [before, line] of lines.entries()) {
    if (line === '' || line[0] === '#') reading.comments.push({ before, text: line })
    readLine(reading, line)
    reading.line += line.includes('\n') ? line.split('\n').length : 1
  }
  if (reading.open) {
    reading.line = reading.open.line
    report(
      reading,
      'dump-truncated',
      `table ${reading.open.name} has no COMMIT: the dump is incomplete`,
    )
  }
  const { tables, rules, diagnostics, comments } = reading
  return { ruleset: { family, tables }, dialect: rules.dialect, diagnostics, comments }
}

/** The lines of restore input: a newline inside quotes belongs to the line. */
function linesOf(text: string): readonly string[] {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  if (!text.includes('"')) return lines
  const joined: string[] = []
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string
    const end = line.includes('"') && line[0] !== '#' ? endOfQuotes(lines, at) : at
    joined.push(end === at ? line : lines.slice(at, end + 1).join('\n'))
    at = end
  }
  return joined
}

const CLOSED = /^[^"]*(?:"(?:[^"\\]|\\[\s\S])*"[^"]*)*$/

/** The line in which the quotes opened in line `start` are closed; itself if they never are. */
function endOfQuotes(lines: readonly string[], start: number): number {
  let text = lines[start] as string
  if (CLOSED.test(text)) return start
  for (let at = start + 1; at < lines.length; at++) {
    text += `\n${lines[at]}`
    if (lines[at]?.includes('"') && CLOSED.test(text)) return at
  }
  return start
}

function report(reading: Reading, code: DiagnosticCode, message: string, hint?: string): void {
  reading.diagnostics.push({
    code,
    severity: 'error',
    message,
    ...(hint !== undefined && { hint }),
    ...(reading.options.file !== undefined && { file: reading.options.file }),
    line: reading.line,
    column: 1,
  })
}

function readLine(reading: Reading, line: string): void {
  const { open } = reading
  switch (line[0]) {
    case undefined:
      return
    case '#':
      return readComment(reading, line)
    case '*':
      return openTable(reading, line.slice(1).trimEnd())
    case ':':
      return open ? readChain(reading, line) : outside(reading, line)
    case '-':
    case '[':
      return open ? readRule(reading, line) : outside(reading, line)
    default:
      if (line === 'COMMIT') return closeTable(reading)
      if (line === 'COMMIT\r') {
        report(
          reading,
          'dump-syntax',
          'the lines end in CR LF: the dump was changed on its way',
          'take it again, or convert it with dos2unix',
        )
        return closeTable(reading)
      }
      return report(
        reading,
        /[^\t\x20-\x7e\x80-\uffff]/.test(line) ? 'dump-foreign' : 'dump-syntax',
        `not a line of iptables-save: ${JSON.stringify(line.slice(0, 60))}`,
        'give the output of iptables-save or ip6tables-save',
      )
  }
}

function outside(reading: Reading, line: string): void {
  report(reading, 'dump-syntax', `${JSON.stringify(line.slice(0, 60))} stands outside of a table`)
}

const HEADER = /^# Generated by (ip6?tables)(-nft)?-save v(\d+)\.(\d+)\.(\d+)(?: \((\w+)\))?/

function readComment(reading: Reading, line: string): void {
  const header = HEADER.exec(line)
  if (header) {
    const [, program, nft, major, minor, patch, mode] = header
    const family: Family = program === 'ip6tables' ? 'ipv6' : 'ipv4'
    if (family !== reading.options.family) {
      report(
        reading,
        'dump-foreign',
        `a dump of ${program}-save, read as ${reading.options.family}`,
      )
    }
    const backend = nft !== undefined || mode === 'nf_tables' ? 'nft' : 'legacy'
    const version = [Number(major), Number(minor), Number(patch)] as const
    const dialect: Dialect = { family, backend, version }
    reading.rules = { ...reading.rules, dialect, cache: newPieceCache() }
  } else if (/^# Table [`'].*' (is incompatible|contains incompatible)/.test(line)) {
    report(
      reading,
      'dump-incompatible',
      `${line.slice(2)}: rules that iptables can not show are in this table`,
      'see them with "nft list ruleset"; move them to a table of their own',
    )
  }
}

function openTable(reading: Reading, name: string): void {
  if (reading.open) {
    report(reading, 'dump-truncated', `table ${reading.open.name} has no COMMIT before *${name}`)
    reading.open = undefined
  }
  if (!(TABLES as readonly string[]).includes(name)) {
    report(
      reading,
      'dump-syntax',
      `unknown table ${JSON.stringify(name)}`,
      `one of: ${TABLES.join(', ')}`,
    )
  } else if (reading.tables.some((t) => t.name === name)) {
    report(reading, 'dump-syntax', `table ${name} stands here twice`)
  }
  reading.open = { name: name as TableName, chains: new Map(), line: reading.line }
}

function closeTable(reading: Reading): void {
  const { open } = reading
  if (open === undefined) return outside(reading, 'COMMIT')
  const chains = [...open.chains.values()].map(({ head, rules }) => ({ ...head, rules }))
  reading.tables.push({ name: open.name, chains })
  reading.open = undefined
}

const CHAIN = /^:(\S+) (\S+)(?: \[(\d+):(\d+)\])?\s*$/

function readChain(reading: Reading, line: string): void {
  const parts = CHAIN.exec(line)
  const open = reading.open
  if (parts === null || open === undefined) {
    return report(reading, 'dump-syntax', `not a chain line: ${JSON.stringify(line.slice(0, 60))}`)
  }
  const [, name = '', policy = '-', packets, bytes] = parts
  if (open.chains.has(name))
    return report(reading, 'dump-syntax', `chain ${name} stands here twice`)
  const builtin = isBuiltinChain(open.name, name)
  if (builtin ? !['ACCEPT', 'DROP', '-'].includes(policy) : policy !== '-') {
    return report(
      reading,
      'dump-syntax',
      `chain ${name} of table ${open.name} has policy ${policy}`,
    )
  }
  const counters = packets === undefined ? undefined : toCounters(packets, bytes as string)
  const head = {
    name,
    ...(builtin && policy !== '-' && { policy: policy as 'ACCEPT' | 'DROP' }),
    ...(counters && { counters }),
  }
  open.chains.set(name, { head, rules: [] })
}

function toCounters(packets: string, bytes: string): Counters {
  return { packets: BigInt(packets), bytes: BigInt(bytes) }
}

const NO_PACKETS: Counters = { packets: 0n, bytes: 0n }

/** `[PACKETS:BYTES] -A CHAIN RULE`, taken apart without a regular expression: there are thousands. */
function readRule(reading: Reading, line: string): void {
  const bracket = line[0] === '[' ? line.indexOf('] ') : undefined
  const counters = bracket === undefined ? undefined : readCounters(line.slice(1, bracket))
  const start = bracket === undefined ? 0 : bracket + 2
  if (!line.startsWith('-A ', start) || (bracket !== undefined && counters === undefined)) {
    return report(
      reading,
      'dump-syntax',
      `not a rule of iptables-save: ${JSON.stringify(line.slice(0, 60))}`,
    )
  }
  const blank = line.indexOf(' ', start + 3)
  const end = blank < 0 ? line.length : blank
  const name = line.slice(start + 3, end)
  const chain = reading.open?.chains.get(name)
  if (chain === undefined) {
    return report(reading, 'dump-syntax', `a rule of chain ${name}, which is not declared`)
  }
  addRule(reading, chain, line.slice(end + 1), counters)
}

function readCounters(text: string): Counters | undefined {
  if (text === '0:0') return NO_PACKETS
  const [, packets, bytes] = /^(\d+):(\d+)$/.exec(text) ?? []
  return packets === undefined ? undefined : toCounters(packets, bytes as string)
}

function addRule(
  { rules: context, line }: Reading,
  { rules }: OpenChain,
  text: string,
  counters: Counters | undefined,
): void {
  for (const rule of readSavedRule(text, context, { counters, line })) rules.push(rule)
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

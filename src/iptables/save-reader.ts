/**
 * Reads what iptables-save prints, all at once or as it arrives.
 *
 * Goals, and how each is met:
 * 1. Nothing is lost: a rule keeps its text as it was saved, counters are 64 bit, so `printSave` of
 *    what was read is the dump again, but for its comment lines.
 * 2. A broken dump is never "empty": a table without COMMIT, an "incompatible" note, a line that is
 *    no part of a save are errors with their line.
 * 3. Quotes are minded across lines: a comment may hold a newline that looks like another rule.
 * 4. A rule the catalogue can not read stays as it is, as an opaque rule; the dump is still good.
 * 5. Ten thousand rules cost little: a line is looked at by `indexOf` and `startsWith`, and no regular
 *    expression is run for a rule.
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
import { newPieceCache } from './piece-cache.ts'
import { eachLine } from './restore-lines.ts'
import { addSavedRules, looksTyped, type SavedRuleContext } from './saved-rule.ts'

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
  readonly names?: Names | undefined
}

/** Text by text, cut anywhere, and then the end. */
export interface SaveReader {
  write(text: string): void
  end(): SavedRuleset
}

/** A chain that is being filled. */
interface OpenChain extends Chain {
  readonly rules: Rule[]
}

interface OpenTable {
  readonly name: TableName
  readonly chains: Map<string, OpenChain>
  readonly line: number
  /** That of the last rule: the next one mostly belongs to it too. */
  last: OpenChain | undefined
}

interface Reading {
  readonly options: ParseSaveOptions
  /** How its rules are read, as far as the header has said it. */
  rules: SavedRuleContext
  /** The number of the line that is read, from 1. */
  line: number
  /** How many were read; a quoted text over several counts as one. */
  linesBefore: number
  /** Whether none of the rules that are being read look like typed ones. */
  isSaved: boolean
  readonly comments: CommentLine[]
  readonly tables: Table[]
  open: OpenTable | undefined
  readonly diagnostics: Diagnostic[]
}

/** Reads the text of iptables-save or ip6tables-save as it comes. Never throws on bad input. */
export function saveReader(options: ParseSaveOptions): SaveReader {
  const { family, file, names = BUILTIN_NAMES } = options
  const dialect = options.dialect ?? { family, backend: 'nft', version: [1, 8, 9] }
  const reading: Reading = {
    options,
    rules: { dialect, names, cache: newPieceCache(), ...(file !== undefined && { file }) },
    line: 1,
    linesBefore: 0,
    isSaved: false,
    comments: [],
    tables: [],
    open: undefined,
    diagnostics: [],
  }
  const read = (line: string, count: number): void => {
    readLine(reading, line)
    reading.linesBefore += 1
    reading.line += count
  }
  let rest = ''
  return {
    write: (text) => {
      const lines = rest + text
      reading.isSaved = !looksTyped(lines)
      rest = eachLine(lines, read)
    },
    end: () => {
      reading.isSaved = !looksTyped(rest)
      eachLine(rest, read, true)
      if (reading.open) {
        reading.line = reading.open.line
        const name = reading.open.name
        report(reading, 'dump-truncated', `table ${name} has no COMMIT: the dump is incomplete`)
      }
      const { tables, rules, diagnostics, comments } = reading
      return { ruleset: { family, tables }, dialect: rules.dialect, diagnostics, comments }
    },
  }
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
  switch (line[0]) {
    case '[':
    case '-':
      return readRule(reading, line)
    case ':':
      return readChain(reading, line)
    case '*':
      return openTable(reading, line.slice(1).trimEnd())
    case '#':
    case undefined:
      return readComment(reading, line)
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
  reading.comments.push({ before: reading.linesBefore, text: line })
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
  reading.open = { name: name as TableName, chains: new Map(), line: reading.line, last: undefined }
}

function closeTable(reading: Reading): void {
  const { open } = reading
  if (open === undefined) return outside(reading, 'COMMIT')
  reading.tables.push({ name: open.name, chains: [...open.chains.values()] })
  reading.open = undefined
}

const CHAIN = /^:(\S+) (\S+)(?: \[(\d+):(\d+)\])?\s*$/

function readChain(reading: Reading, line: string): void {
  const { open } = reading
  if (open === undefined) return outside(reading, line)
  const parts = CHAIN.exec(line)
  if (parts === null) {
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
  const chain = {
    name,
    ...(builtin && policy !== '-' && { policy: policy as 'ACCEPT' | 'DROP' }),
    ...(counters && { counters }),
    rules: [],
  }
  open.chains.set(name, chain)
}

function toCounters(packets: string, bytes: string): Counters {
  return { packets: BigInt(packets), bytes: BigInt(bytes) }
}

const NO_PACKETS: Counters = { packets: 0n, bytes: 0n }

/** `[PACKETS:BYTES] -A CHAIN RULE` */
function readRule(reading: Reading, line: string): void {
  const { open } = reading
  if (open === undefined) return outside(reading, line)
  let start = 0
  let counters: Counters | undefined
  if (line[0] === '[') {
    start = line.indexOf('] ') + 2
    counters = start < 2 ? undefined : readCounters(line, start - 2)
    if (counters === undefined) return notARule(reading, line)
  }
  if (!line.startsWith('-A ', start)) return notARule(reading, line)
  const name = start + 3
  const blank = line.indexOf(' ', name)
  const end = blank < 0 ? line.length : blank
  let chain = open.last
  if (chain?.name.length !== end - name || !line.startsWith(chain.name, name)) {
    chain = open.chains.get(line.slice(name, end))
    if (chain === undefined) {
      const what = `a rule of chain ${line.slice(name, end)}, which is not declared`
      return report(reading, 'dump-syntax', what)
    }
    open.last = chain
  }
  const { isSaved, line: at } = reading
  addSavedRules(chain.rules, line.slice(end + 1), reading.rules, { counters, line: at, isSaved })
}

function notARule(reading: Reading, line: string): void {
  const what = `not a rule of iptables-save: ${JSON.stringify(line.slice(0, 60))}`
  report(reading, 'dump-syntax', what)
}

/** `[PACKETS:BYTES` up to the bracket that ends it. */
function readCounters(line: string, bracket: number): Counters | undefined {
  if (bracket === 4 && line.startsWith('[0:0')) return NO_PACKETS
  const colon = line.indexOf(':')
  if (!isNumber(line, 1, colon) || !isNumber(line, colon + 1, bracket)) return undefined
  return toCounters(line.slice(1, colon), line.slice(colon + 1, bracket))
}

function isNumber(line: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const digit = line.charCodeAt(at)
    if (digit < 0x30 || digit > 0x39) return false
  }
  return from < to
}

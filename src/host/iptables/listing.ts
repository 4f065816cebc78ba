/** What `iptables -S` prints, taken apart. */
import type { Names } from '../../extensions/names.ts'
import { newPieceCache } from '../../iptables/piece-cache.ts'
import { readSavedRule } from '../../iptables/saved-rule.ts'
import { tokenise } from '../../iptables/tokenise.ts'
import type { Counters, Dialect, Rule } from '../../ruleset/model.ts'

export interface ListedChain {
  readonly name: string
  /** `ACCEPT` or `DROP` for a built-in chain. */
  readonly policy?: string
}

export interface Listing {
  readonly chains: readonly ListedChain[]
  /** The lines as they are, without the notes that nft puts before them. */
  readonly lines: readonly string[]
  /** nft has more chains in the table than iptables can show. */
  readonly hidden: boolean
}

export function readListing(stdout: string): Listing {
  const all = splitLines(stdout)
  const lines = all.filter((line) => line !== '' && !line.startsWith('#'))
  return {
    lines,
    hidden: all.some((line) => /^# Table .* contains incompatible/.test(line)),
    chains: lines.flatMap((line): ListedChain[] => {
      const [, flag, name = '', policy] = /^-([PN]) (\S+)(?: (\S+))?/.exec(line) ?? []
      if (flag === undefined) return []
      return [flag === 'P' && policy !== undefined ? { name, policy } : { name }]
    }),
  }
}

/** A comment may hold a newline, and what follows it may look like another rule. */
function splitLines(text: string): string[] {
  const lines: string[] = []
  let start = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (quoted && char === '\\') i++
    else if (char === '"' && text[start] !== '#') quoted = !quoted
    else if (char === '\n' && !quoted) {
      lines.push(text.slice(start, i))
      start = i + 1
    }
  }
  if (start < text.length) lines.push(text.slice(start))
  return lines
}

export interface ListedRule {
  readonly chain: string
  /** The words after `-A CHAIN`, without counters. */
  readonly text: string
  readonly counters?: Counters
}

/** Undefined for a line that is no rule. */
export function readRuleLine(line: string): ListedRule | undefined {
  const [, packets, bytes, chain = '', rest = ''] =
    /^(?:\[(\d+):(\d+)\] )?-A (\S+)(?: ([\s\S]*))?$/.exec(line) ?? []
  if (chain === '') return undefined
  if (packets !== undefined && bytes !== undefined) {
    return { chain, text: rest, counters: toCounters(packets, bytes) }
  }
  return { chain, ...takeCounters(rest) }
}

/** `-v -S` prints `-c PACKETS BYTES` before the target, old versions after it. */
function takeCounters(text: string): Omit<ListedRule, 'chain'> {
  const { words, starts } = tokenise(text)
  for (let i = words.length - 3; i >= 0; i--) {
    const [flag, packets = '', bytes = '', next = '-j'] = words.slice(i, i + 4)
    if (flag !== '-c' || text[starts[i] as number] !== '-') continue
    if (!/^\d+$/.test(packets) || !/^\d+$/.test(bytes) || !/^-[jg]$/.test(next)) continue
    const before = text.slice(0, starts[i]).trimEnd()
    const after = i + 3 < words.length ? text.slice(starts[i + 3]) : ''
    return {
      text: [before, after].filter((part) => part !== '').join(' '),
      counters: toCounters(packets, bytes),
    }
  }
  return { text }
}

function toCounters(packets: string, bytes: string): Counters {
  return { packets: BigInt(packets), bytes: BigInt(bytes) }
}

/** The line as `-A CHAIN … -c PACKETS BYTES`, which iptables takes back, however it was printed. */
export function withCountersAtEnd(line: string): string {
  const rule = /^\[\d+:\d+\] /.test(line) ? readRuleLine(line) : undefined
  if (rule?.counters === undefined) return line
  const { chain, text, counters } = rule
  return `-A ${chain}${text && ` ${text}`} -c ${counters.packets} ${counters.bytes}`
}

/** The rules among the lines, in order: position N of the chain is the Nth. */
export function readRules(
  lines: readonly string[],
  { dialect, names }: { readonly dialect: Dialect; readonly names: Names },
): readonly Rule[] {
  const context = { dialect, names, cache: newPieceCache() }
  return lines.flatMap((line) => {
    const listed = readRuleLine(line)
    if (listed === undefined) return []
    const { text, counters } = listed
    return readSavedRule(text, context, { counters })
  })
}

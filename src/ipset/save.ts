/** `ipset save` ⇄ sets. Entries keep their words; nothing of the dump is lost (`LiveSet.text`). */
import { parseHeader, printHeader } from './header.ts'
import type { IpSet, LiveSet, SetEntry } from './set.ts'

export interface ParsedSets {
  /** By name, in the order of the dump. */
  readonly sets: ReadonlyMap<string, LiveSet>
  /** The lines that could not be read, of wanted sets only. */
  readonly unreadable: readonly string[]
}

/** Reads the sets that are wanted out of a dump of all. */
export function parseSets(text: string, isWanted: (name: string) => boolean): ParsedSets {
  const sets = new Map<string, LiveSet>()
  const unreadable: string[] = []
  const building = new Map<
    string,
    { lines: string[]; header: LiveSet['header']; entries: SetEntry[] }
  >()
  for (const line of text.split('\n')) {
    const create = /^create (.+?) ((?:hash|bitmap|list):\S+.*)$/.exec(line)
    if (create !== null) {
      const [, name = '', rest = ''] = create
      if (!isWanted(name)) continue
      const header = parseHeader(rest.trim().split(/\s+/))
      if (header === undefined) unreadable.push(line)
      else building.set(name, { lines: [line], header, entries: [] })
      continue
    }
    if (!line.startsWith('add ')) {
      if (line.trim() !== '' && !line.startsWith('create ')) unreadable.push(line)
      continue
    }
    const end = line.indexOf(' ', 4)
    const set = building.get(line.slice(4, end))
    if (set === undefined) continue
    const entry = parseEntry(line.slice(end + 1))
    if (entry === undefined) unreadable.push(line)
    else {
      set.lines.push(line)
      set.entries.push(entry)
    }
  }
  for (const [name, { lines, header, entries }] of building) {
    sets.set(name, { name, header, entries, text: `${lines.join('\n')}\n` })
  }
  return { sets, unreadable }
}

/** `ELEMENT [timeout N] [nomatch] [comment "…"] …`: what follows `add NAME`. */
export function parseEntry(text: string): SetEntry | undefined {
  const end = text.search(/\s/)
  if (end < 0) return text === '' ? undefined : { element: text }
  const entry: Record<string, unknown> = { element: text.slice(0, end) }
  const words = tokenise(text.slice(end))
  if (words === undefined) return undefined
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string
    const isFlag = word === 'nomatch' || word === 'wildcard'
    const value = isFlag ? true : readValue(word, words[++i])
    if (value === undefined || entry[word] !== undefined) return undefined
    entry[word] = value
  }
  if (entry.comment === '') delete entry.comment
  return entry as unknown as SetEntry
}

/** ipset has no escapes: a quoted word ends at the next quote. */
function tokenise(text: string): string[] | undefined {
  const words: string[] = []
  const pattern = /\s*(?:"([^"]*)"(?=\s|$)|([^\s"]+))/y
  const rest = text.trimEnd()
  while (pattern.lastIndex < rest.length) {
    const match = pattern.exec(rest)
    if (match === null) return undefined
    words.push(match[1] ?? match[2] ?? '')
  }
  return words
}

function readValue(option: string, word: string | undefined): unknown {
  if (word === undefined) return undefined
  switch (option) {
    case 'timeout':
    case 'skbqueue':
      return /^\d{1,10}$/.test(word) ? Number(word) : undefined
    case 'packets':
    case 'bytes':
      return /^\d{1,20}$/.test(word) ? BigInt(word) : undefined
    case 'comment':
    case 'skbmark':
    case 'skbprio':
      return word
    default:
      return undefined
  }
}

/** What follows `add NAME`, in the order of `ipset save`. */
export function printEntry(entry: SetEntry, element: string = entry.element): string {
  const { timeout, packets, bytes, comment, skbmark, skbprio, skbqueue, nomatch, wildcard } = entry
  let text = element
  if (timeout !== undefined) text += ` timeout ${timeout}`
  if (nomatch) text += ' nomatch'
  if (wildcard) text += ' wildcard'
  if (packets !== undefined) text += ` packets ${packets}`
  if (bytes !== undefined) text += ` bytes ${bytes}`
  if (comment !== undefined) text += ` comment "${comment}"`
  if (skbmark !== undefined) text += ` skbmark ${skbmark}`
  if (skbprio !== undefined) text += ` skbprio ${skbprio}`
  if (skbqueue !== undefined) text += ` skbqueue ${skbqueue}`
  return text
}

/** Input of `ipset restore` that makes the set. */
export function printSet(set: IpSet): string {
  const lines = [
    `create ${set.name} ${printHeader(set.header)}`,
    ...set.entries.map((entry) => `add ${set.name} ${printEntry(entry)}`),
  ]
  return `${lines.join('\n')}\n`
}

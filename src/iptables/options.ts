/**
 * Finds the option that a word names, as iptables' getopt_long does: the options of iptables itself
 * first, then those of the loaded extensions, the latest first; an exact name wins, else a
 * beginning that only one option has.
 */
import { type NamedOption, optionNames } from '../extensions/catalogue.ts'
import type { Extension } from '../extensions/extension.ts'

/** The options of iptables itself that make up a rule. */
export type BaseOption =
  | 'source'
  | 'destination'
  | 'protocol'
  | 'in-interface'
  | 'out-interface'
  | 'fragments'
  | 'match'
  | 'jump'
  | 'goto'
  | 'set-counters'
  | 'ipv4'
  | 'ipv6'

const BASE_LONG: Readonly<Record<string, BaseOption>> = {
  source: 'source',
  src: 'source',
  destination: 'destination',
  dst: 'destination',
  protocol: 'protocol',
  'in-interface': 'in-interface',
  'out-interface': 'out-interface',
  fragments: 'fragments',
  match: 'match',
  jump: 'jump',
  goto: 'goto',
  'set-counters': 'set-counters',
  ipv4: 'ipv4',
  ipv6: 'ipv6',
}

const BASE_SHORT: Readonly<Record<string, BaseOption>> = {
  s: 'source',
  d: 'destination',
  p: 'protocol',
  i: 'in-interface',
  o: 'out-interface',
  f: 'fragments',
  m: 'match',
  j: 'jump',
  g: 'goto',
  c: 'set-counters',
  '4': 'ipv4',
  '6': 'ipv6',
}

/** Commands and settings of iptables: no part of a rule, but their names count for abbreviations. */
const COMMANDS: readonly string[] = [
  'append',
  'delete',
  'check',
  'insert',
  'replace',
  'list',
  'list-rules',
  'flush',
  'zero',
  'new-chain',
  'delete-chain',
  'rename-chain',
  'policy',
  'table',
  'numeric',
  'verbose',
  'wait',
  'wait-interval',
  'exact',
  'version',
  'help',
  'line-numbers',
  'modprobe',
]

/** An extension that the rule has loaded. */
export interface Loaded {
  readonly extension: Extension | undefined
}

export type FoundOption<L extends Loaded> =
  | { readonly kind: 'base'; readonly option: BaseOption; readonly attached?: string }
  | {
      readonly kind: 'extension'
      readonly owner: L
      readonly option: NamedOption
      readonly attached?: string
    }
  | { readonly kind: 'command'; readonly name: string }
  | { readonly kind: 'ambiguous'; readonly names: readonly string[] }
  | { readonly kind: 'unknown' }

interface BaseFound {
  readonly kind: 'base'
  readonly option: BaseOption
}

const UNKNOWN = { kind: 'unknown' } as const

const SHORT: ReadonlyMap<string, BaseFound> = new Map(
  Object.entries(BASE_SHORT).map(([name, option]) => [name, { kind: 'base', option }]),
)

/** What iptables itself has, by its exact name. */
const LONG: ReadonlyMap<string, BaseFound | { readonly kind: 'command'; readonly name: string }> =
  new Map<string, BaseFound | { readonly kind: 'command'; readonly name: string }>([
    ...COMMANDS.map((name) => [name, { kind: 'command', name }] as const),
    ...Object.entries(BASE_LONG).map(([name, option]) => [name, { kind: 'base', option }] as const),
  ])

/** `loaded` has the latest extension first. `attached` is the value of `--opt=value` or `-pvalue`. */
export function findOption<L extends Loaded>(word: string, loaded: readonly L[]): FoundOption<L> {
  if (!word.startsWith('--')) return findShort(word)
  const equals = word.indexOf('=')
  const name = equals < 0 ? word.slice(2) : word.slice(2, equals)
  const found = findLong(name, loaded)
  if (equals < 0 || !('option' in found)) return found
  return { ...found, attached: word.slice(equals + 1) }
}

function findShort<L extends Loaded>(word: string): FoundOption<L> {
  const found = SHORT.get(word[1] ?? '')
  if (found === undefined) return UNKNOWN
  return word.length === 2 ? found : { ...found, attached: word.slice(2) }
}

function findLong<L extends Loaded>(name: string, loaded: readonly L[]): FoundOption<L> {
  const own = LONG.get(name)
  if (own !== undefined) return own
  for (const owner of loaded) {
    const option = owner.extension && optionNames(owner.extension).get(name)
    if (option !== undefined) return { kind: 'extension', owner, option }
  }
  return findAbbreviated(name, loaded)
}

function findAbbreviated<L extends Loaded>(name: string, loaded: readonly L[]): FoundOption<L> {
  const found = new Map<string, FoundOption<L>>()
  if (name === '') return UNKNOWN
  for (const [long, own] of LONG) {
    if (long.startsWith(name)) found.set(`own ${own.kind === 'base' ? own.option : own.name}`, own)
  }
  for (const [i, owner] of loaded.entries()) {
    for (const [long, option] of owner.extension ? optionNames(owner.extension) : []) {
      if (long.startsWith(name))
        found.set(`${i} ${option.name}`, { kind: 'extension', owner, option })
    }
  }
  if (found.size > 1)
    return { kind: 'ambiguous', names: [...found.keys()].map((k) => k.replace(/^\S+ /, '')) }
  return [...found.values()][0] ?? UNKNOWN
}

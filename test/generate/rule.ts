/**
 * Random rules, as a person may type them, driven by the catalogue: any mix of matches with any
 * option, in any spelling that the value types know.
 */
import { EXTENSIONS } from '../../src/extensions/catalogue.ts'
import type {
  Extension,
  MatchExtension,
  OptionSpec,
  Random,
  TargetExtension,
  ValueContext,
} from '../../src/extensions/extension.ts'
import type { Names } from '../../src/extensions/names.ts'
import { OWN_PROTOCOL_NAMES } from '../../src/extensions/values/protocol.ts'
import { BUILTIN_CHAINS, type Hook } from '../../src/ruleset/hooks.ts'
import { type Dialect, TABLES, type TableName } from '../../src/ruleset/model.ts'

export interface GeneratedRule {
  readonly table: TableName
  readonly chain: Hook
  readonly words: readonly string[]
}

export interface GenerateOptions {
  readonly random: Random
  readonly dialect: Dialect
  readonly names: Names
  /** The name of an extension that has to be in the rule. */
  readonly only?: string
}

/** A generator of integers below a bound: the same seed, the same sequence (xorshift32). */
export function seededRandom(seed: number): Random {
  let state = (seed * 2654435761 + 1) >>> 0 || 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return below <= 1 ? 0 : state % below
  }
}

/** One rule; it may be one that iptables refuses, which the caller sorts out by `parseRule`. */
export function generateRule(options: GenerateOptions): GeneratedRule {
  const { random, only, dialect } = options
  const forced =
    only === undefined
      ? undefined
      : pick(
          random,
          usable(dialect, (e) => e.name === only),
        )
  const tables = (e: Extension | undefined): readonly TableName[] | undefined =>
    (dialect.backend === 'legacy' ? e?.legacyTables : undefined) ?? e?.tables
  const table = pick(random, tables(forced) ?? TABLES) as TableName
  const hooks = BUILTIN_CHAINS[table].filter((hook) => forced?.hooks?.includes(hook) ?? true)
  const chain = pick(random, hooks.length > 0 ? hooks : BUILTIN_CHAINS[table])
  const fits = (e: Extension): boolean =>
    (tables(e)?.includes(table) ?? true) && (e.hooks?.includes(chain) ?? true)
  const matches = usable(dialect, (e) => e.kind === 'match' && fits(e)) as MatchExtension[]
  const targets = usable(dialect, (e) => e.kind === 'target' && fits(e)) as TargetExtension[]
  const chosen = Array.from({ length: random(4) }, () => pick(random, matches))
  const target = random(2) === 0 ? undefined : pick(random, targets)
  const extensions = forced?.kind === 'match' ? [forced, ...chosen] : chosen
  const end = forced?.kind === 'target' ? forced : target
  const protocol = generateProtocol(random, [...extensions, ...(end ? [end] : [])], dialect)
  const context: ValueContext = {
    family: dialect.family,
    dialect,
    names: options.names,
    caution: () => {},
    protocol,
  }
  const place = { table, chain, context, protocol }
  const words = [
    ...generateCriteria(random, chain, dialect),
    ...(protocol === undefined ? [] : ['-p', protocol]),
    ...shuffle(random, extensions).flatMap((e) => generateMatch(random, e, place)),
    ...(end
      ? ['-j', end.name, ...generateOptions(random, end, place)]
      : generateVerdict(random, table)),
  ]
  return { table, chain, words }
}

function usable(dialect: Dialect, wanted: (e: Extension) => boolean): Extension[] {
  return EXTENSIONS.filter(
    (e) => (e.families?.includes(dialect.family) ?? true) && e.needsHost === undefined && wanted(e),
  )
}

/** None at all now and then; iptables refuses DROP in nat. */
function generateVerdict(random: Random, table: TableName): string[] {
  const verdicts = ['ACCEPT', 'RETURN', ...(table === 'nat' ? [] : ['DROP'])]
  return random(4) === 0 ? [] : ['-j', pick(random, verdicts)]
}

/** A protocol that one of the extensions needs, or any. */
function generateProtocol(
  random: Random,
  extensions: readonly Extension[],
  dialect: Dialect,
): string | undefined {
  const needed = extensions.find((e) => e.protocols !== undefined)?.protocols
  if (needed !== undefined) return pick(random, needed)
  const some = ['6', '17', dialect.family === 'ipv4' ? '1' : '58', '132', '50']
  return random(3) === 0 ? undefined : pick(random, some)
}

function generateCriteria(random: Random, chain: Hook, { family }: Dialect): string[] {
  const words: string[] = []
  const add = (chance: number, flag: string, values: readonly string[]): void => {
    if (random(chance) === 0)
      words.push(...(random(4) === 0 ? ['!'] : []), flag, pick(random, values))
  }
  const addresses =
    family === 'ipv4'
      ? ['10.1.2.3', '10.1.2.3/8', '192.168/16', '1.2.3.4/255.255.0.0', '10.1.2.3/255.0.255.0']
      : [
          '2001:DB8::1',
          '2001:db8:0:1::/64',
          'fe80::1',
          '::ffff:1.2.3.4',
          '2001:db8::/ffff:0:ffff::',
        ]
  const interfaces = ['eth0', 'eth+', 'lo', 'br-0123456789a', 'eth0.100', 'wg0']
  add(3, pick(random, ['-s', '--source', '--src']), addresses)
  add(3, pick(random, ['-d', '--destination']), addresses)
  if (!['OUTPUT', 'POSTROUTING'].includes(chain)) add(3, '-i', interfaces)
  if (!['INPUT', 'PREROUTING'].includes(chain)) add(3, '-o', interfaces)
  return words
}

interface Place {
  readonly table: TableName
  readonly chain: Hook
  readonly context: ValueContext
  readonly protocol: string | undefined
}

/** `-m NAME` with options; the name is sometimes left out where the protocol implies it. */
function generateMatch(random: Random, entry: MatchExtension, place: Place): string[] {
  const { protocol } = place
  const options = generateOptions(random, entry, place)
  const implied = protocol !== undefined && isImplied(entry, protocol, place.context.names)
  return implied && options.length > 0 && random(2) === 0 ? options : ['-m', entry.name, ...options]
}

/** A protocol's number loads the match that has the name of the protocol: 135 does not load mh. */
function isImplied(entry: MatchExtension, protocol: string, names: Names): boolean {
  const name = OWN_PROTOCOL_NAMES[protocol] ?? names.protocolName(Number(protocol)) ?? ''
  return (
    (entry.implicitFor?.includes(protocol) ?? false) &&
    [entry.name, ...(entry.aliases ?? [])].includes(name)
  )
}

function generateOptions(random: Random, entry: Extension, place: Place): string[] {
  const { table, chain, context } = place
  const specs = Object.entries(entry.options).filter(
    ([, { families, tables, hooks, needsHost }]) =>
      needsHost === undefined &&
      (families?.includes(context.family) ?? true) &&
      (tables?.includes(table) ?? true) &&
      (hooks?.includes(chain) ?? true),
  )
  const chosen = new Map<string, OptionSpec>()
  const groups = new Set<string>()
  const choose = (name: string, spec: OptionSpec): void => {
    if (chosen.has(name) || (spec.group !== undefined && groups.has(spec.group))) return
    if (spec.group !== undefined) groups.add(spec.group)
    chosen.set(name, spec)
    for (const need of spec.needs ?? []) {
      const needed = entry.options[need]
      if (needed) choose(need, needed)
    }
  }
  for (const [name, spec] of shuffle(random, specs)) {
    if (spec.required || random(5) < 2) choose(name, spec)
  }
  if (entry.needsOption && chosen.size === 0) choose(...pick(random, specs))
  return shuffle(random, [...chosen]).flatMap(([name, spec]) => {
    const spelling = pick(random, [name, name, ...(spec.aliases ?? [])])
    const negation = spec.negatable && random(4) === 0 ? ['!'] : []
    return [...negation, `--${spelling}`, ...spec.value.sample(random, context)]
  })
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random(items.length)] as T
}

function shuffle<T>(random: Random, items: readonly T[]): T[] {
  const shuffled = [...items]
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = random(i + 1)
    ;[shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T]
  }
  return shuffled
}

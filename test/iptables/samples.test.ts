import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { BUILTIN_NAMES as names } from '../../src/extensions/builtin-names.ts'
import { checkRuleset } from '../../src/iptables/check.ts'
import { parseRule } from '../../src/iptables/parse-rule.ts'
import { newPieceCache } from '../../src/iptables/piece-cache.ts'
import { makeRule } from '../../src/iptables/rule.ts'
import { readSavedRule } from '../../src/iptables/saved-rule.ts'
import { tokenise } from '../../src/iptables/tokenise.ts'
import type { Dialect, Family, TableName } from '../../src/ruleset/model.ts'

/** Typed rules with what real builds printed for them: `n4` is nft and IPv4, `l6` legacy and IPv6. */
interface Sample {
  readonly table: TableName
  readonly chain: string
  readonly typed: string
  readonly saved: Readonly<Record<string, string>>
}

/** A typed rule with what all builds print, or what each of them prints. */
interface VersionSample {
  readonly family: Family
  /** As typed in a shell. */
  readonly typed: string
  readonly saved: string | Readonly<Record<string, 'all others' | readonly string[]>>
}

const SAMPLES = read<Sample>('normalisations')
const VERSION_SAMPLES = read<VersionSample>('versions')
const BUILDS = ['nft', 'legacy'].flatMap((backend) =>
  [4, 5, 6, 7, 8, 9, 10, 11].map((patch) => `1.8.${patch}-${backend}`),
)

function read<T>(name: string): readonly T[] {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8'))
}

interface Place {
  readonly table: TableName
  readonly chain: string
}

/** What fwctl says of a typed rule: the saved lines, or why it is refused. */
function canonical(typed: string, { table, chain }: Place, dialect: Dialect) {
  const { specs, problems, cautions } = parseRule(tokenise(typed).words, { dialect, names })
  const rules = specs.map((spec) => makeRule(spec, { dialect, names }))
  const chains = [
    { name: chain, rules },
    ...['UC', 'u1', 'USER'].map((name) => ({ name, rules: [] })),
  ]
  const misplaced = checkRuleset({ family: dialect.family, tables: [{ name: table, chains }] })
  const refused = [...problems, ...cautions, ...misplaced].length > 0 || rules.length === 0
  return { rules, refused, cautions }
}

test.each(SAMPLES)('$typed is saved as the kernel saves it', ({ typed, saved, ...place }) => {
  const wrong = Object.entries(saved).flatMap(([where, text]) => {
    const family = where.endsWith('4') ? 'ipv4' : 'ipv6'
    const backend = where.startsWith('n') ? 'nft' : 'legacy'
    return compare(typed, text.split(' ;; '), place, { family, backend, version: [1, 8, 9] })
  })
  expect(wrong).toEqual([])
})

test.each(VERSION_SAMPLES)(
  '$typed is saved as each version saves it',
  ({ family, typed: line, saved }) => {
    const typed = line.replaceAll(`'"'"'`, "\\'").replaceAll(/'((?:[^'\\]|\\.)*)'/g, '"$1"')
    const wrong = BUILDS.flatMap((build) => {
      const [version = '', backend] = build.split('-')
      const dialect = { family, backend, version: version.split('.').map(Number) }
      const lines = savedBy(saved, build).split(' // ')
      const chain = /(?:^-A|in chain) (\w+)/.exec(lines[0] ?? '')?.[1] ?? 'INPUT'
      const texts = lines.map((line) => line.replace(/^-A \w+ ?/, ''))
      const place = { table: tableOf(typed, chain), chain }
      return compare(typed, texts, place, dialect as unknown as Dialect)
    })
    expect(wrong).toEqual([])
  },
)

/** The samples do not say it: the first table with that chain in which the extensions may be. */
function tableOf(typed: string, chain: string): TableName {
  if (/-j (DNAT|SNAT|MASQUERADE|REDIRECT|NETMAP)/.test(typed)) return 'nat'
  if (/-j (CT|NOTRACK)/.test(typed)) return 'raw'
  return ['INPUT', 'FORWARD', 'OUTPUT'].includes(chain) && !/-j (T|D|E|CLASS|HL|CHECK)/.test(typed)
    ? 'filter'
    : 'mangle'
}

function savedBy(saved: VersionSample['saved'], build: string): string {
  if (typeof saved === 'string') return saved
  const entries = Object.entries(saved)
  const own = entries.find(([, builds]) => builds !== 'all others' && builds.includes(build))
  return (own ?? entries.find(([, builds]) => builds === 'all others'))?.[0] ?? ''
}

/** Facts of the hosts that made the samples: extensions not built in, sets of the other family. */
const HOST_MATTERS = /Couldn't find match|Chain 'REJECT' does not exist|protocol family of set/

/** Nothing where fwctl and the build agree; else what each of them says. */
function compare(
  typed: string,
  saved: readonly string[],
  place: Place,
  dialect: Dialect,
): unknown[] {
  const { rules, refused, cautions } = canonical(typed, place, dialect)
  const where = `${dialect.family} ${dialect.backend} ${dialect.version.join('.')}`
  const texts = rules.map((rule) => rule.text)
  if (saved[0]?.startsWith('ERR')) {
    return refused || HOST_MATTERS.test(saved[0]) ? [] : [{ where, texts, saved }]
  }
  if (cautions.some((c) => c.code === 'changes-meaning')) return []
  if (texts.join('\n') !== saved.join('\n')) return [{ where, texts, saved }]
  if (cautions.length > 0) return []
  const keys = rules.map((rule) => rule.key)
  const savedKeys = saved.flatMap((text) => readKeys(text, dialect))
  return keys.join('\n') === savedKeys.join('\n') ? [] : [{ where, keys, savedKeys }]
}

function readKeys(text: string, dialect: Dialect): string[] {
  const cache = newPieceCache()
  const context = { dialect, names, cache }
  return readSavedRule(text, context).map((rule) => rule.key)
}

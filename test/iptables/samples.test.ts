import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { BUILTIN_NAMES as names } from '../../src/extensions/builtin-names.ts'
import { parseRule } from '../../src/iptables/parse-rule.ts'
import { makeRule } from '../../src/iptables/rule.ts'
import { newPieceCache } from '../../src/iptables/saved-pieces.ts'
import { readSavedRule } from '../../src/iptables/saved-rule.ts'
import { tokenise } from '../../src/iptables/tokenise.ts'
import type { Dialect, Family } from '../../src/ruleset/model.ts'

/** Typed rules with what real builds printed for them: `n4` is nft and IPv4, `l6` legacy and IPv6. */
interface Sample {
  readonly typed: string
  readonly saved: Readonly<Record<string, string>>
}

/** A typed rule with what all builds print, or what each of them prints. */
interface VersionSample {
  readonly family: Family
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

/** What fwctl says of a typed rule: the saved lines, or why it is refused. */
function canonical(typed: string, dialect: Dialect) {
  const { specs, problems, cautions } = parseRule(tokenise(typed).words, { dialect, names })
  const rules = specs.map((spec) => makeRule(spec, { dialect, names }))
  const refused = [...problems, ...cautions]
  return { rules, refused: refused.length > 0 || rules.length === 0, cautions }
}

test.each(SAMPLES)('$typed is saved as the kernel saves it', ({ typed, saved }) => {
  const wrong = Object.entries(saved).flatMap(([where, text]) => {
    const family = where.endsWith('4') ? 'ipv4' : 'ipv6'
    const backend = where.startsWith('n') ? 'nft' : 'legacy'
    return compare(typed, text.split(' ;; '), { family, backend, version: [1, 8, 9] })
  })
  expect(wrong).toEqual([])
})

test.each(VERSION_SAMPLES)(
  '$typed is saved as each version saves it',
  ({ family, typed, saved }) => {
    const wrong = BUILDS.flatMap((build) => {
      const [version = '', backend] = build.split('-')
      const dialect = { family, backend, version: version.split('.').map(Number) }
      const text = savedBy(saved, build).replace(/^-A INPUT ?/, '')
      return compare(typed, text.split(' // -A INPUT '), dialect as unknown as Dialect)
    })
    expect(wrong).toEqual([])
  },
)

function savedBy(saved: VersionSample['saved'], build: string): string {
  if (typeof saved === 'string') return saved
  const entries = Object.entries(saved)
  const own = entries.find(([, builds]) => builds !== 'all others' && builds.includes(build))
  return (own ?? entries.find(([, builds]) => builds === 'all others'))?.[0] ?? ''
}

/** An artefact of the builds that made the samples, not a fact of those versions. */
const NOT_BUILT_IN = /Couldn't find match|Chain 'REJECT' does not exist/

/** Nothing where fwctl and the build agree; else what each of them says. */
function compare(typed: string, saved: readonly string[], dialect: Dialect): unknown[] {
  const { rules, refused, cautions } = canonical(typed, dialect)
  const where = `${dialect.family} ${dialect.backend} ${dialect.version.join('.')}`
  const texts = rules.map((rule) => rule.text)
  if (saved[0]?.startsWith('ERR')) {
    return refused || NOT_BUILT_IN.test(saved[0]) ? [] : [{ where, texts, saved }]
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
  const context = { dialect, names, cache, counters: undefined, origin: undefined }
  return readSavedRule(text, context).map((rule) => rule.key)
}

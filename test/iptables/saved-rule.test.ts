import { expect, test } from 'vitest'
import { BUILTIN_NAMES as names } from '../../src/extensions/builtin-names.ts'
import { parseRule } from '../../src/iptables/parse-rule.ts'
import { newPieceCache } from '../../src/iptables/piece-cache.ts'
import { makeRule } from '../../src/iptables/rule.ts'
import { readSavedRule } from '../../src/iptables/saved-rule.ts'
import { quoteWord, tokenise } from '../../src/iptables/tokenise.ts'
import type { Dialect } from '../../src/ruleset/model.ts'
import { generateRule, seededRandom } from '../generate/rule.ts'

const DIALECTS = (['ipv4', 'ipv6'] as const).flatMap((family) =>
  (['nft', 'legacy'] as const).map((backend): Dialect => ({ family, backend, version: [1, 8, 9] })),
)

/** Random valid rules of the whole catalogue, typed. */
function* validRules(dialect: Dialect, count: number, seed: number) {
  const random = seededRandom(seed)
  for (let found = 0; found < count; ) {
    const { words } = generateRule({ random, dialect, names })
    const { specs, cautions } = parseRule(words, { dialect, names })
    if (specs.length !== 1 || cautions.length > 0 || specs[0] === undefined) continue
    found++
    yield { words, spec: specs[0] }
  }
}

test.each(DIALECTS)('$backend $family: what is printed is read as the same rule', (dialect) => {
  const cache = newPieceCache()
  for (const { spec } of validRules(dialect, 400, 11)) {
    const typed = makeRule(spec, { dialect, names })
    const context = { dialect, names, cache }
    const [saved] = readSavedRule(typed.text, context)
    expect(saved?.key, typed.text).toBe(typed.key)
    expect(makeRule(saved?.spec ?? spec, { dialect, names }).text).toBe(typed.text)
  }
})

test.each(DIALECTS)(
  '$backend $family: read in pieces or as a whole, a rule is the same',
  (dialect) => {
    const cache = newPieceCache()
    for (const { spec } of validRules(dialect, 400, 12)) {
      const { text } = makeRule(spec, { dialect, names })
      const context = { dialect, names, cache }
      const [inPieces] = readSavedRule(text, context)
      const whole = parseRule(tokenise(text).words, { dialect, names, saved: true }).specs
      expect([inPieces?.spec]).toEqual(whole)
    }
  },
)

test.each([
  ['-j UC -i lo', '-i lo -j UC'],
  [
    '-p tcp -m tcp --dport 80 -s 10.0.0.1 -j ACCEPT',
    '-s 10.0.0.1 -p tcp -m tcp --dport 80 -j ACCEPT',
  ],
  [
    '-m limit --limit 1/sec ! -d 10.0.0.0/8 -j DROP',
    '! -d 10.0.0.0/8 -m limit --limit 1/sec -j DROP',
  ],
  ['-m comment --comment x -p udp -j DROP', '-p udp -m comment --comment x -j DROP'],
  ['-m comment --comment x -f -j DROP', '-f -m comment --comment x -j DROP'],
  ['-j LOG --log-level 3 -o eth0', '-o eth0 -j LOG --log-level 3'],
  ['-p tcp -m tcp --dport 80 ! -p udp -j DROP', undefined],
])('what was typed as %s loses nothing', (typed, ordered) => {
  const dialect = DIALECTS[0] as Dialect
  const read = (text: string) => {
    const [rule] = readSavedRule(text, { dialect, names, cache: newPieceCache() })
    // Asked in either order: the key alone is put together without reading the rule.
    const [again] = readSavedRule(text, { dialect, names, cache: newPieceCache() })
    expect([rule?.key, rule?.spec]).toEqual([again?.spec && again.key, again?.spec])
    return rule
  }
  const rule = read(typed)
  const { specs, problems } = parseRule(tokenise(typed).words, { dialect, names, saved: true })
  if (problems.length === 0) expect([rule?.spec]).toEqual(specs)
  if (ordered !== undefined) expect(rule?.key).toBe(read(ordered)?.key)
})

test.each(DIALECTS)('$backend $family: so does what was typed in any order', (dialect) => {
  const random = seededRandom(13)
  for (let i = 0; i < 400; i++) {
    const { words } = generateRule({ random, dialect, names })
    const { specs, problems } = parseRule(words, { dialect, names, saved: true })
    if (specs.length !== 1 || problems.length > 0) continue
    const text = words.map(quoteWord).join(' ')
    const [rule] = readSavedRule(text, { dialect, names, cache: newPieceCache() })
    expect(rule?.spec, text).toEqual(specs[0])
  }
})

test('a rule of another version keeps every word, and still shows where it jumps', () => {
  const dialect = DIALECTS[0] as Dialect
  const text =
    '-s 10.0.0.0/8 -p tcp -m tcp --dport 22 --new-option "a b" -m limit --limit 7/eon -j UC'
  const context = { dialect, names, cache: newPieceCache() }
  const [rule] = readSavedRule(text, context)
  expect(rule?.text).toBe(text)
  expect(rule?.spec.target).toMatchObject({ verb: 'jump', name: 'UC' })
  expect(rule?.spec.source).toEqual({ negated: false, value: '10.0.0.0/8' })
  expect(makeRule(rule?.spec ?? { matches: [] }, { dialect, names }).text).toBe(text)
})

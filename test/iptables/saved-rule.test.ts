import { expect, test } from 'vitest'
import { BUILTIN_NAMES as names } from '../../src/extensions/builtin-names.ts'
import { parseRule } from '../../src/iptables/parse-rule.ts'
import { makeRule } from '../../src/iptables/rule.ts'
import { newPieceCache } from '../../src/iptables/saved-pieces.ts'
import { readSavedRule } from '../../src/iptables/saved-rule.ts'
import { tokenise } from '../../src/iptables/tokenise.ts'
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

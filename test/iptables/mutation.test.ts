import { expect, test } from 'vitest'
import { BUILTIN_NAMES as names } from '../../src/extensions/builtin-names.ts'
import { findMatch, findTarget } from '../../src/extensions/catalogue.ts'
import { parseRule } from '../../src/iptables/parse-rule.ts'
import { makeRule } from '../../src/iptables/rule.ts'
import type { Dialect, Option, Rule, RuleSpec } from '../../src/ruleset/model.ts'
import { generateRule, seededRandom } from '../generate/rule.ts'

/**
 * False equality is as bad as a false difference. legacy stores what it is told, and its saves are
 * compared with ours by the kernel fuzzer; so of two rules that differ in one option, the keys must
 * differ exactly when the saves do.
 */
const DIALECTS = (['ipv4', 'ipv6'] as const).map(
  (family): Dialect => ({ family, backend: 'legacy', version: [1, 8, 9] }),
)

test.each(DIALECTS)('$family: a rule with one option changed has another key', (dialect) => {
  const random = seededRandom(5)
  const wrong: string[] = []
  for (let pairs = 0; pairs < 1500; ) {
    const { words } = generateRule({ random, dialect, names })
    const original = read(words, dialect)
    const changed = original && read(mutate(words, random), dialect)
    if (original === undefined || changed === undefined) continue
    pairs++
    if (isFolded(original.spec, dialect) || isFolded(changed.spec, dialect)) continue
    if ((original.key === changed.key) === (original.text === changed.text)) continue
    wrong.push(`${original.text}\n${changed.text}`)
  }
  expect(wrong).toEqual([])
})

function read(words: readonly string[], dialect: Dialect): Rule | undefined {
  const { specs, cautions } = parseRule(words, { dialect, names })
  const [spec] = specs
  return spec && specs.length === 1 && cautions.length === 0
    ? makeRule(spec, { dialect, names })
    : undefined
}

/** Changes a digit, toggles a negation, swaps or drops a word: whatever still is a rule counts. */
function mutate(words: readonly string[], random: (below: number) => number): string[] {
  const mutated = [...words]
  const at = random(mutated.length)
  const word = mutated[at] ?? ''
  switch (random(4)) {
    case 0:
      mutated[at] = word.replace(/[0-9](?=[^0-9]*$)/, (digit) => String((Number(digit) + 1) % 10))
      break
    case 1:
      if (word.startsWith('-')) mutated.splice(at, 0, '!')
      else if (word === '!') mutated.splice(at, 1)
      break
    case 2:
      mutated.splice(at, word.startsWith('--') ? 2 : 1)
      break
    default:
      mutated[at] = word.replace(/[a-z](?=[^a-z]*$)/, 'x')
  }
  return mutated
}

/** Two spellings that legacy keeps apart mean the same: `! --dport :1023` and `--dport 1024:`. */
function isFolded(spec: RuleSpec, { family }: Dialect): boolean {
  const folds = (
    options: readonly Option[],
    entry: ReturnType<typeof findMatch | typeof findTarget>,
  ) =>
    entry !== undefined &&
    (('synonymOf' in entry && entry.synonymOf !== undefined) ||
      options.some(
        (o) =>
          entry.options[o.name]?.fold?.(o) !== undefined &&
          JSON.stringify(entry.options[o.name]?.fold?.(o)) !== JSON.stringify(o),
      ))
  return (
    spec.matches.some((m) => folds(m.options, findMatch(m.module, family))) ||
    (spec.target !== undefined && folds(spec.target.options, findTarget(spec.target.name, family)))
  )
}

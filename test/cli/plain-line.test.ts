import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readFullLine } from '../../src/cli/full-line.ts'
import { GLOBAL_OPTIONS, longFlag, SHARED_OPTIONS } from '../../src/cli/option-table.ts'
import { readPlainLine } from '../../src/cli/plain-line.ts'
import { VERBS } from '../../src/cli/verb-table.ts'

const SILENT = { out: () => undefined, err: () => undefined, columns: undefined }

const flags = VERBS.flatMap((verb) => verb.options)
  .concat(GLOBAL_OPTIONS, Object.values(SHARED_OPTIONS))
  .map(longFlag)
const choices = VERBS.flatMap((verb) => [
  ...(verb.formats ?? []),
  ...verb.options.flatMap((option) => option.choices ?? []),
  ...verb.arguments.flatMap((argument) => argument.choices ?? []),
]).concat('nft', 'legacy', 'silent', 'debug', 'json')

const word = fc.oneof(
  fc.constantFrom(...flags),
  fc.constantFrom(...choices),
  fc.constantFrom('a.yaml', '-', '--', '', '-q', 'x=y', '--no', '--nets', '-x'),
  fc
    .tuple(fc.constantFrom(...flags), fc.constantFrom(...choices, '', 'b', '-'))
    .map((pair) => pair.join('=')),
)
const line = fc.oneof(
  fc.tuple(fc.constantFrom(...VERBS.map(({ name }) => name)), fc.array(word, { maxLength: 6 })),
  fc.tuple(word, fc.array(word, { maxLength: 4 })),
)

test('a command line that is read without commander means what it means with it', async () => {
  let read = 0
  await fc.assert(
    fc.asyncProperty(line, async ([first, rest]) => {
      const argv = [first, ...rest]
      const plain = readPlainLine(argv)
      if (plain === undefined) return
      read++
      expect(await readFullLine(argv, SILENT)).toEqual(plain)
    }),
    { numRuns: 5000 },
  )
  expect(read).toBeGreaterThan(300)
})

test.each(VERBS)('so is $name with each of its options, written in both ways', async (verb) => {
  const specs = [
    ...verb.options,
    ...verb.shared.map((key) => SHARED_OPTIONS[key]),
    ...GLOBAL_OPTIONS,
    ...(verb.formats ? [{ ...SHARED_OPTIONS.format, choices: verb.formats }] : []),
  ]
  const args = verb.arguments.map(({ choices: [first] = ['x'] }) => first as string)
  for (const spec of specs) {
    const value = spec.choices?.at(-1) ?? 'value'
    const flag = longFlag(spec)
    const ways = spec.flags.includes('<') ? [[flag, value], [`${flag}=${value}`]] : [[flag]]
    for (const words of ways) {
      const argv = [verb.name, ...words, ...args, ...words]
      const plain = readPlainLine(argv)
      expect(plain, argv.join(' ')).toBeDefined()
      expect(await readFullLine(argv, SILENT), argv.join(' ')).toEqual(plain)
    }
  }
})

describe('what is not plain is left to commander', () => {
  test.each([
    [[]],
    [['--help']],
    [['plan', '--help']],
    [['--quiet', 'plan']],
    [['plan', '--live']],
    [['plan', '--format', 'yaml']],
    [['plan', 'a', 'b']],
    [['plan', '--netns']],
    [['plan', '--netns', '--quiet']],
    [['render', '--format', 'json']],
    [['completion']],
  ])('%j', (argv) => {
    expect(readPlainLine(argv)).toBeUndefined()
  })
})

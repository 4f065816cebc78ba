import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { readAnyYaml } from '../../src/policy/document.ts'
import { readPlainJson } from '../../src/policy/plain-json.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples')

/** Whether the text was read here; then `yaml` must read the very same, and find nothing wrong. */
function agrees(text: string): boolean {
  const value = readPlainJson(text, 'p.json')
  if (value !== undefined) expect({ value, diagnostics: [] }).toEqual(readAnyYaml(text, 'p.json'))
  return value !== undefined
}

const examples = readdirSync(EXAMPLES, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.yaml'))
  .map((path) => [path, parse(readFileSync(join(EXAMPLES, path), 'utf8')) as unknown] as const)

test.each(examples)(
  'examples/%s as JSON is read without yaml, and as yaml reads it',
  (_, value) => {
    expect(agrees(JSON.stringify(value))).toBe(true)
    expect(agrees(`${JSON.stringify(value, null, 2)}\n`)).toBe(true)
  },
)

test.each([
  ['blanks everywhere', ' { "a": [ 1 , "b" , { } ] , "c": { "d":null } }\n\n'],
  ['escapes', '{ "a\\"b": "c\\\\d", "e": "\\u00e4\\/\\n\\ud83d\\ude00" }'],
  ['what begins as it goes on when an escape is gone', '{ "a": "\\\\" }'],
  ['what YAML would take for something else', '{ "a: b": "# no", "~": "- x", "7": "{}", "": "" }'],
  ['constants', '{ "a": [true, false, null, 0, 65535] }'],
  ['umlauts', '{ "Büro": "東京" }'],
  ['an empty object', '{}'],
])('%s: read without yaml, and as yaml reads it', (_, text) => {
  expect(agrees(text)).toBe(true)
})

test.each([
  ['YAML', '{ a: 1 }'],
  ['a list', '[1]'],
  ['a text', '"a"'],
  ['a comma too many', '{ "a": 1, }'],
  ['a comment', '{ "a": 1 } # c'],
  ['a duplicate key', '{ "a": 1, "a": 2 }'],
  ['a duplicate key further in', '{ "a": [{ "b": 1, "\\u0062": 2 }] }'],
  ['a merge key', '{ "<<": {} }'],
  ['a colon in the next line', '{ "a"\n: 1 }'],
  ['a fraction', '{ "a": 1.5 }'],
  ['a negative number', '{ "a": -1 }'],
  ['an exponent', '{ "a": 1e3 }'],
  ['a number that does not fit', '{ "a": 18446744073709551615 }'],
  ['a tab', '{\t"a": 1 }'],
  ['a carriage return', '{\r\n"a": 1 }'],
  ['a byte order mark', '\ufeff{ "a": 1 }'],
  ['a key that is too long', `{ "${'a'.repeat(1025)}": 1 }`],
  ['too deep a nesting', `{ "a": ${'['.repeat(40)}${']'.repeat(40)} }`],
])('%s is left to yaml', (_, text) => {
  expect(readPlainJson(text, 'p.json')).toBeUndefined()
})

test('whatever the JSON, yaml reads the same where it is not left to it', () => {
  const layout = fc.constantFrom(undefined, 1, 2, '   ')
  const scalar = fc.oneof(
    fc.string({ maxLength: 6 }),
    fc.constantFrom('tcp', '! 10.0.0.0/8', '\\', '"', '\n', 'a "b"', '#', ': '),
    fc.nat(70_000),
    fc.constantFrom(true, false, null),
  )
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      scalar,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.string({ maxLength: 4 }), tie('value'), { maxKeys: 4 }),
    ),
  }))
  const document = fc.dictionary(fc.string({ maxLength: 4 }), value, { maxKeys: 5 })
  let read = 0
  fc.assert(
    fc.property(document, layout, (object, space) => {
      if (agrees(JSON.stringify(object, null, space))) read++
    }),
    { numRuns: 2000 },
  )
  expect(read).toBeGreaterThan(1000)
})

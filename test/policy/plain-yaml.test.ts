import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readAnyYaml } from '../../src/policy/document.ts'
import { readPlainYaml } from '../../src/policy/plain-yaml.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples')

/** Whether the text was read here; then `yaml` must read the very same, and find nothing wrong. */
function agrees(text: string): boolean {
  const value = readPlainYaml(text, 'p.yaml')
  if (value !== undefined) expect({ value, diagnostics: [] }).toEqual(readAnyYaml(text, 'p.yaml'))
  return value !== undefined
}

const examples = readdirSync(EXAMPLES, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.yaml'))
  .map((path) => [path, readFileSync(join(EXAMPLES, path), 'utf8')] as const)

test.each(examples)('examples/%s is read without yaml, and as yaml reads it', (_, text) => {
  expect(agrees(text)).toBe(true)
})

test.each([
  ['a document marker before it', '# c\n---\na: 1\n'],
  ['a list that is not indented', 'a:\n- 1\n- b: 2\n  c: [x, y]\nd: ~\n'],
  ['lists in lists', 'a:\n  - - 1\n    - 2\n  - - x: 1\n'],
  ['trailing commas, blanks and comments', 'a: {b: [1, 2, ] , c: x , } # c\nb:  x  # y\n'],
  ['quotes with quotes in them', `a: 'it''s'\nb: "say \\"x\\" \\\\"\nc: ""\n`],
  ['what looks like YAML and is none', 'a: ${b} {c} [d] #e\nb: x#y\nc: "# no: comment"\n'],
  ['IPv6', 'a: ::1\nb: [::/0, 2001:db8::/32]\nc: { d: fe80::1 }\n'],
  ['options of iptables', 'a:\n  - -p tcp --dport 22 -j ACCEPT\n  - --sport 1:2\n'],
  [
    'numbers and what is none',
    'a: [0, 22, 1.2.3.4, 10/minute, 8000:8099, 1-2, 3com, 00:11:22:33:44:55]\n',
  ],
  ['constants', 'a: [true, False, null, ~, yes, Nulls]\n'],
  ['umlauts', 'a: Büro … 東京 # ü\n'],
])('%s: read without yaml, and as yaml reads it', (_, text) => {
  expect(agrees(text)).toBe(true)
})

test.each([
  ['nothing', '# c\n'],
  ['an anchor', 'a: &x 1\nb: *x\n'],
  ['a tag, which is how an unquoted negation reads', 'a: ! 10.0.0.0/8\n'],
  ['a merge key', 'a: { <<: x }\n'],
  ['a block scalar', 'a: |\n  x\n'],
  ['a scalar over two lines', 'a: x\n  y\n'],
  ['a quoted scalar over two lines', 'a: "x\n  y"\n'],
  ['a flow list over two lines', 'a: [x,\n  y]\n'],
  ['an escape', 'a: "\\x41"\n'],
  ['an octal number', 'a: 0o10\n'],
  ['a number with a leading zero', 'a: 010\n'],
  ['a fraction', 'a: 1.5\n'],
  ['an exponent', 'a: 1e3\n'],
  ['a negative number', 'a: -1\n'],
  ['an infinity', 'a: .inf\n'],
  ['a number that does not fit', 'a: 18446744073709551615\n'],
  ['a key without a value', 'a:\nb: 1\n'],
  ['a duplicate key', 'a: 1\na: 2\n'],
  ['a duplicate key in a flow mapping', 'a: { b: 1, b: 2 }\n'],
  ['a colon in a plain scalar', 'a: b: c\n'],
  ['a colon at the end of a plain scalar', 'a: b:\n'],
  ['a mapping without braces in a list', 'a: [b: c]\n'],
  ['a key in quotes', '"a": 1\n'],
  ['a variable in a flow collection', 'a: [${b}]\n'],
  ['a bracket that is missing', 'a: [b\nc: 1\n'],
  ['a bracket too many', 'a: [b]]\n'],
  ['a comma too many', 'a: [b,, c]\n'],
  ['a comment without a blank before it', 'a: "b"#c\n'],
  ['a wrong indent', 'a:\n    b: 1\n  c: 2\n'],
  ['an indent at the beginning', '  a: 1\n'],
  ['a tab', 'a:\t1\n'],
  ['a carriage return', 'a: 1\r\n'],
  ['a byte order mark', '\ufeffa: 1\n'],
  ['a second document', 'a: 1\n---\nb: 1\n'],
  ['JSON', '{ "a": 1 }\n'],
  ['too deep a nesting', `a: ${'['.repeat(40)}${']'.repeat(40)}\n`],
])('%s is left to yaml', (_, text) => {
  expect(readPlainYaml(text, 'p.yaml')).toBeUndefined()
})

describe('whatever the text, yaml reads the same where it is not left to it:', () => {
  const scalar = fc.constantFrom(
    ...[
      'a',
      'web 1',
      '10.0.0.0/8',
      '22',
      '"! x"',
      "'y'",
      'true',
      '~',
      '::1',
      '-j X',
      '1.5',
      'b:',
      '',
    ],
  )
  const key = fc.constantFrom('a', 'b', 'in-interface', '7', 'true')
  const { flow } = fc.letrec<{ flow: string }>((tie) => ({
    flow: fc.oneof(
      { maxDepth: 3 },
      scalar,
      fc.array(tie('flow'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
      fc
        .array(fc.tuple(key, tie('flow')), { maxLength: 3 })
        .map((pairs) => `{ ${pairs.map(([k, v]) => `${k}: ${v}`).join(', ')} }`),
    ),
  }))
  const line = fc
    .tuple(
      fc.constantFrom('', '  ', '    ', '      '),
      fc.constantFrom('', '- ', '- - ', '-'),
      fc.oneof(
        key.map((k) => `${k}:`),
        fc.tuple(key, flow).map(([k, v]) => `${k}: ${v}`),
        flow,
      ),
      fc.constantFrom('', ' ', ' # c', '# c'),
    )
    .map((parts) => parts.join(''))
  const document = fc.array(line, { maxLength: 7 }).map((lines) => lines.join('\n'))

  test('made of lines', () => {
    fc.assert(
      fc.property(document, (text) => void agrees(text)),
      { numRuns: 3000 },
    )
  })

  test('an example with something changed', () => {
    const lines = examples.flatMap(([, text]) => text.split('\n'))
    const piece = fc
      .tuple(fc.nat(lines.length - 1), fc.integer({ min: 1, max: 8 }))
      .map(([at, count]) => {
        const some = lines.slice(at, at + count)
        const indent = /^ */.exec(some[0] ?? '')?.[0].length ?? 0
        return some.map((text) => text.slice(Math.min(indent, text.search(/\S|$/)))).join('\n')
      })
    const change = fc.tuple(
      fc.nat(400),
      fc.nat(2),
      fc.constantFrom(
        ...' :#-,[]{}"\'&*!|>%@`?~\\\n01ae.',
        '  ',
        '\n  ',
        '\n- ',
        ': ',
        ' #',
        '---',
        '',
      ),
    )
    const changed = fc.tuple(piece, fc.array(change, { maxLength: 3 })).map(([text, changes]) =>
      changes.reduce((before, [at, removed, added]) => {
        const place = at % (before.length + 1)
        return before.slice(0, place) + added + before.slice(place + removed)
      }, text),
    )
    fc.assert(
      fc.property(changed, (text) => void agrees(text)),
      { numRuns: 3000 },
    )
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { readDocument } from '../../src/policy/document.ts'
import { formatPolicy } from '../../src/policy/format.ts'
import { toPlain } from '../../src/policy/value.ts'

const UNTIDY = `# yaml-language-server: $schema=x
apiVersion:   'fwctl/v1'
metadata: {name: web}


# the groups
define:
    addresses:
        office: [198.51.100.0/24,  "2001:db8::/32"]   # both floors
tables:
  filter:
    chains:
      INPUT:
        rules:
        # loopback
        - {name: lo, in-interface: lo,jump: ACCEPT}
        - {name: ssh from the admins, source: admins, protocol: tcp, dport: 22, match: {limit: {limit: 10/minute}}, jump: ACCEPT}
        - {match: {mark: {mark: 0x0a}}, jump: ACCEPT}
`

const TIDY = `# yaml-language-server: $schema=x
apiVersion: "fwctl/v1"
metadata: { name: web }

# the groups
define:
  addresses:
    office: [198.51.100.0/24, "2001:db8::/32"] # both floors
tables:
  filter:
    chains:
      INPUT:
        rules:
          # loopback
          - { name: lo, in-interface: lo, jump: ACCEPT }
          - name: ssh from the admins
            source: admins
            protocol: tcp
            dport: 22
            match: { limit: { limit: 10/minute } }
            jump: ACCEPT
          - { match: { mark: { mark: 0x0a } }, jump: ACCEPT }
`

test('blanks, quotes and blank lines become regular, comments and numbers stay', () => {
  expect(formatPolicy(UNTIDY).text).toBe(TIDY)
  expect(formatPolicy(TIDY).text).toBe(TIDY)
})

test('Windows line ends become plain ones', () => {
  expect(formatPolicy('a: 1\r\nb: 2\r\n').text).toBe('a: 1\nb: 2\n')
})

test('a text that is no YAML is left alone, and the place is said', () => {
  const { text, diagnostics } = formatPolicy('a: [1\nb: 2\n', 'p.yaml')
  expect(text).toBeUndefined()
  expect(diagnostics[0]).toMatchObject({ code: 'yaml-syntax', file: 'p.yaml', line: 2, column: 1 })
})

describe('laws', () => {
  const word = fc.oneof(
    fc.constantFrom(
      'a',
      'yes',
      'null',
      '0x10',
      '010',
      '1e3',
      '! x',
      '- x',
      '# x',
      'a: b',
      '"',
      "'",
      '\\',
      ' x ',
      '',
      '::1',
      '{a}',
      '*',
      '&a',
      '|',
      '>',
      '%',
      '@',
      '`',
      'a #b',
    ),
    fc.string({ maxLength: 30 }),
    fc.string({ unit: 'grapheme', maxLength: 10 }),
  )
  const leaf = fc.oneof(
    word,
    fc.integer(),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  )
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('tree'), { maxLength: 8 }),
      fc.dictionary(word, tie('tree'), { maxKeys: 8 }),
    ),
  }))

  test('formatting changes no value, and formatting twice changes nothing', () => {
    fc.assert(
      fc.property(
        fc.dictionary(word, tree, { maxKeys: 6, minKeys: 1 }),
        fc.boolean(),
        (policy, flow) => {
          const text = stringify(policy, { collectionStyle: flow ? 'flow' : 'any', lineWidth: 40 })
          const before = readDocument(text, 'p')
          fc.pre(before.value !== undefined)
          const once = formatPolicy(text).text as string
          const after = readDocument(once, 'p')
          expect(after.value && toPlain(after.value)).toEqual(before.value && toPlain(before.value))
          expect(formatPolicy(once).text).toBe(once)
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('a policy in JSON', () => {
  const formatted = (text: string): string | undefined => formatPolicy(text).text

  test('stays JSON', () => {
    const value = { apiVersion: 'fwctl/v1', tables: { filter: { chains: { INPUT: {} } } } }
    const text = formatted(JSON.stringify(value))
    expect(text).toBe(`${JSON.stringify(value, null, 2)}\n`)
    expect(formatted(text as string)).toBe(text)
  })

  test('keeps the order of its keys, even where a program would not', () => {
    const text = '{"tables":{"filter":{"chains":{"B":{},"1":{}}}}}'
    expect(formatted(text)).toBe(text)
  })
})

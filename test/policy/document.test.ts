import { expect, test } from 'vitest'
import { readDocument } from '../../src/policy/document.ts'
import { toPlain } from '../../src/policy/value.ts'

function read(text: string) {
  const { value, diagnostics } = readDocument(text, 'p.yaml')
  return {
    plain: value === undefined ? undefined : JSON.parse(JSON.stringify(toPlain(value))),
    found: diagnostics.map((d) => `${d.line}:${d.column} ${d.code}`),
  }
}

test('aliases and merge keys are resolved, own keys win', () => {
  const { plain, found } = read('a: &x { p: 1, q: 2 }\nb: { <<: *x, q: 3 }\nc: *x\n')
  expect(found).toEqual([])
  expect(plain).toEqual({ a: { p: 1, q: 2 }, b: { q: 3, p: 1 }, c: { p: 1, q: 2 } })
})

test('numbers keep the text they were written with', () => {
  const { value } = readDocument('a: [0x10, 18446744073709551615, 010]', 'p.yaml')
  const list = value?.kind === 'map' ? value.entries[0]?.value : undefined
  const texts = list?.kind === 'list' ? list.items.map((i) => i.kind === 'scalar' && i.text) : []
  expect(texts).toEqual(['0x10', '18446744073709551615', '010'])
})

test.each([
  [
    'every duplicate key, where it is repeated',
    'a: 1\na: 2\nb: { x: 1, x: 2 }\n',
    ['2:1 yaml-duplicate-key', '3:12 yaml-duplicate-key'],
  ],
  [
    'an unquoted negation, which YAML would read as its opposite',
    'a:\n  source: ! 10.0.0.0/8\n',
    ['2:11 yaml-syntax'],
  ],
  ['an unquoted negation without a blank', 'source: !10.0.0.0/8\n', ['1:9 yaml-syntax']],
  ['a negated list without quotes', 'source: ! [a]\n', ['1:9 yaml-syntax']],
  ['several documents', 'a: 1\n---\nb: 2\n', ['2:1 yaml-syntax']],
  ['an empty file', '# nothing\n', ['1:1 yaml-syntax']],
  ['an anchor that contains itself', 'a: &x\n  b: *x\n', ['2:6 yaml-alias-limit']],
  ['an unknown anchor', 'a: *x\n', ['1:4 yaml-syntax']],
  ['a key that is a list', '? [a]\n: 1\n', ['1:3 yaml-syntax']],
  ['broken syntax', 'a: [1\nb: 2\n', ['2:1 yaml-syntax']],
])('refused: %s', (_, text, expected) => {
  const { found } = read(text)
  expect(found.slice(0, expected.length)).toEqual(expected)
})

test('anchors that blow up are stopped early', () => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
  for (let i = 1; i < 10; i++)
    lines.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    )
  expect(read(lines.join('\n')).found.map((f) => f.split(' ')[1])).toEqual(['yaml-alias-limit'])
})

test('nesting that would exhaust the stack is refused', () => {
  const { plain, found } = read(`a: ${'['.repeat(100_000)}`)
  expect(plain).toBeUndefined()
  expect(found.length).toBeGreaterThan(0)
})

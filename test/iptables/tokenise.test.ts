import fc from 'fast-check'
import { expect, test } from 'vitest'
import { quoteAlways, quoteText, quoteWord, tokenise } from '../../src/iptables/tokenise.ts'

test.each([
  ['blanks and tabs separate', '-s \t 1.2.3.4', ['-s', '1.2.3.4']],
  ['a quote in the middle of a word joins', 'a"b c"d', ['ab cd']],
  ['two quoted pieces are one word', '"a""b"', ['ab']],
  ['an empty quote is an empty word', '-i ""', ['-i', '']],
  ['a backslash escapes inside quotes only', 'a\\b "c\\"d\\\\"', ['a\\b', 'c"d\\']],
  ['single quotes are letters', "'a b'", ["'a", "b'"]],
  ['a newline inside quotes belongs to the word', '"a\nb" c', ['a\nb', 'c']],
  [
    'an open quote swallows the rest',
    '-m comment --comment "x -j ACCEPT',
    ['-m', 'comment', '--comment', 'x -j ACCEPT'],
  ],
])('%s, as in iptables-restore', (_what, line, words) => {
  expect(tokenise(line).words).toEqual(words)
})

test('the start of each word is its offset in the line, quote included', () => {
  expect(tokenise('-m comment --comment "a b" -j X').starts).toEqual([0, 3, 11, 21, 27, 30])
})

test('every word comes back from each way of quoting it', () => {
  const word = fc.string({ unit: 'binary-ascii' }).filter((w) => !/[\0\r\n]/.test(w))
  fc.assert(
    fc.property(fc.array(word, { minLength: 1 }), (words) => {
      for (const quote of [quoteAlways, quoteText, quoteWord]) {
        expect(tokenise(words.map(quote).join(' ')).words).toEqual(words)
      }
    }),
  )
})

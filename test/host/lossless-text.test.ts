import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeText, encodeText } from '../../src/host/lossless-text.ts'

test('any bytes survive being text', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      expect([...encodeText(decodeText(bytes))]).toEqual([...bytes])
    }),
    { numRuns: 2000 },
  )
})

test('any well-formed text is decoded as what it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const bytes = Buffer.from(text, 'utf8')
      expect(decodeText(bytes)).toBe(bytes.toString('utf8'))
    }),
  )
})

test.each([
  ['a lone byte between letters', [0x61, 0xff, 0x62], 'a\udcffb'],
  ['a sequence that is cut short', [0xe2, 0x98], '\udce2\udc98'],
  ['an overlong slash', [0xc0, 0xaf], '\udcc0\udcaf'],
  ['a surrogate half in UTF-8', [0xed, 0xa0, 0x80], '\udced\udca0\udc80'],
  ['valid text beside a lone byte', [0xc3, 0xa9, 0x80], 'é\udc80'],
])('%s', (_, bytes, text) => {
  expect(decodeText(Uint8Array.from(bytes))).toBe(text)
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checksum } from '../../src/base/checksum.ts'

/** Below and above the size from which on another way of counting is taken. */
describe.each([[10_001], [200_003]])('of %d bytes', (length) => {
  test('one bit anywhere makes another checksum', () => {
    const bytes = Uint8Array.from({ length }, (_, index) => (index * 7) % 251)
    const whole = checksum(bytes)
    fc.assert(
      fc.property(fc.nat(length - 1), fc.nat(7), (at, bit) => {
        const other = bytes.slice()
        other[at] = (other[at] as number) ^ (1 << bit)
        expect(checksum(other)).not.toBe(whole)
      }),
    )
  })

  test('it does not matter where in memory the bytes are', () => {
    const bytes = Uint8Array.from({ length: length + 8 }, (_, index) => index % 251)
    const sums = [0, 1, 2, 3].map((offset) => {
      const moved = Buffer.alloc(length + 8)
      moved.set(bytes.subarray(0, length), offset)
      return checksum(moved.subarray(offset, offset + length))
    })
    expect(new Set(sums).size).toBe(1)
  })
})

test.each([0, 1, 5, 300_000])('%d bytes in parts have the sum of the whole', (length) => {
  const bytes = Uint8Array.from({ length }, (_, i) => (i * 31) % 251)
  const [a, b] = [Math.floor(length / 3), Math.floor(length / 2)]
  const parts = [bytes.subarray(0, a), bytes.subarray(a, b), bytes.subarray(b)]
  expect(checksum(...parts)).toBe(checksum(bytes))
})

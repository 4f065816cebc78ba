import { isIPv6 } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  formatIpv4,
  formatIpv6,
  formatNetwork,
  isUsualIpv4,
  isUsualNetwork,
  parseIpv4,
  parseIpv6,
  parseMaskedAddress,
  prefixLength,
  prefixMask,
} from '../../src/net/address.ts'

const v4 = fc.bigInt(0n, (1n << 32n) - 1n)
const v6 = fc.oneof(
  fc.bigInt(0n, (1n << 128n) - 1n),
  fc
    .array(fc.constantFrom(0n, 0n, 1n, 0xffffn), { minLength: 8, maxLength: 8 })
    .map((groups) => groups.reduce<bigint>((value, group) => (value << 16n) | group, 0n)),
)

describe('addresses', () => {
  test('IPv4 comes back from its own text', () => {
    fc.assert(fc.property(v4, (value) => parseIpv4(formatIpv4(value)) === value))
  })

  test('IPv6 comes back from its own text, which Node takes too and prints alike', () => {
    fc.assert(
      fc.property(v6, (value) => {
        const text = formatIpv6(value)
        expect(parseIpv6(text)).toBe(value)
        expect(isIPv6(text)).toBe(true)
      }),
    )
  })

  test('what is no address for Node is none for us', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123:.af%'.split('')) }), (text) => {
        if (!isIPv6(text) && !text.includes('%')) expect(parseIpv6(text)).toBeUndefined()
      }),
    )
  })

  test.each([
    ['10.1', '10.1.0.0/32'],
    ['10/8', '10.0.0.0/8'],
    ['010.0.0.1', '8.0.0.1/32'],
    ['0x0a000001', '10.0.0.1/32'],
    ['1.2.3.004', '1.2.3.4/32'],
    ['10.1.2.3/255.0.255.0', '10.0.2.0/255.0.255.0'],
    ['1.2.3.4/255.255.0.0', '1.2.0.0/16'],
  ])('IPv4 %s is %s, as iptables reads it', (text, saved) => {
    const parsed = parseMaskedAddress(text, 32)
    expect(parsed && formatNetwork(parsed, 32)).toBe(saved)
  })

  test.each([
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1/128'],
    ['::ffff:1.2.3.4', '::ffff:1.2.3.4/128'],
    ['::1.2.3.4', '::1.2.3.4/128'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3/128'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1/128'],
    ['2001:db8::1/ffff:0:ffff::', '2001::/ffff:0:ffff::'],
    ['fe80::1%lo', 'fe80::1/128'],
    ['::/0', '::/0'],
  ])('IPv6 %s is %s, as iptables prints it', (text, saved) => {
    const parsed = parseMaskedAddress(text, 128)
    expect(parsed && formatNetwork(parsed, 128)).toBe(saved)
  })

  test.each(['', '256.1.1.1', '1.2.3.4.5', '1.2.3.x', '1.2.3.4/33', '08.1.1.1', '1..2', '-1'])(
    '%j is no IPv4 network',
    (text) => expect(parseMaskedAddress(text, 32)).toBeUndefined(),
  )

  test('prefix lengths and masks are two forms of the same', () => {
    fc.assert(
      fc.property(fc.constantFrom(32 as const, 128 as const), fc.nat(128), (bits, length) => {
        const prefix = Math.min(length, bits)
        expect(prefixLength(prefixMask(prefix, bits), bits)).toBe(prefix)
      }),
    )
  })

  const byte = fc.oneof(fc.nat(300), fc.constantFrom(0, 10, 128, 255)).map(String)
  const part = fc.oneof({ weight: 9, arbitrary: byte }, fc.constantFrom('', '00', '01', '0x1', 'a'))
  const quad = fc.oneof(
    { weight: 9, arbitrary: fc.array(part, { minLength: 4, maxLength: 4 }) },
    fc.array(part, { minLength: 1, maxLength: 5 }),
  )

  test('usual is what is printed as it is written, but for the network of all addresses', () => {
    const network = fc
      .tuple(quad, fc.nat(34), fc.boolean())
      .map(([parts, prefix, clear]): string => {
        const text = `${parts.join('.')}/${prefix}`
        const parsed = clear ? parseMaskedAddress(text, 32) : undefined
        return parsed === undefined ? text : formatNetwork(parsed, 32)
      })
    const others = fc.constantFrom('', '/', '1.2.3.4', '1.2.3.4/', '1.2.3.4/032', '1.2.3.4/32 ')
    fc.assert(
      fc.property(fc.oneof({ weight: 20, arbitrary: network }, others), (text) => {
        const parsed = parseMaskedAddress(text, 32)
        const isPrinted = parsed !== undefined && formatNetwork(parsed, 32) === text
        const isPrefix = /\/\d+$/.test(text) && !text.endsWith('/0')
        expect(isUsualNetwork(text)).toBe(isPrinted && isPrefix)
      }),
      { numRuns: 2000 },
    )
    fc.assert(
      fc.property(quad, (parts) => {
        const text = parts.join('.')
        const parsed = parseIpv4(text)
        expect(isUsualIpv4(text)).toBe(parsed !== undefined && formatIpv4(parsed) === text)
      }),
      { numRuns: 1000 },
    )
  })
})

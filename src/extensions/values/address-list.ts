import { formatIpv6, parseIpv6 } from '../../net/address.ts'
import { refuse, type ValueType } from '../extension.ts'

/** Up to `max` IPv6 addresses in their order, joined by commas. */
export function ipv6List(max: number): ValueType {
  return {
    name: `ipv6 list ${max}`,
    words: 1,
    parse: ([word = '']) => {
      const parts = word.split(',')
      const addresses = parts.map((part) => (part.includes('%') ? undefined : parseIpv6(part)))
      const wrong = addresses.indexOf(undefined)
      if (wrong >= 0) return refuse('invalid-value', `"${parts[wrong]}" is not an IPv6 address`)
      if (addresses.length > max) {
        return refuse('invalid-value', `${addresses.length} addresses, at most ${max} fit`)
      }
      return [addresses.map((address) => formatIpv6(address as bigint)).join(',')]
    },
    schema: {
      anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' }, maxItems: max }],
    },
    description: `up to ${max} IPv6 addresses`,
    examples: ['2001:db8::1,2001:db8::2'],
    sample: (random) => [
      Array.from(
        { length: 1 + random(max) },
        () => `2001:DB8:0:0::${random(65536).toString(16)}`,
      ).join(','),
    ],
  }
}

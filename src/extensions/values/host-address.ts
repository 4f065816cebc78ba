import { formatAddress } from '../../net/address.ts'
import type { ValueType } from '../extension.ts'
import { cautionShort, parseHost, refuseHost } from './host.ts'

/** One address, read by getaddrinfo (XTTYPE_HOST). */
export const hostAddress: ValueType = {
  name: 'host address',
  words: 1,
  parse: ([word = ''], context) => {
    const address = parseHost(word, context.family)
    if (address === undefined) return refuseHost(word, context.family)
    if (context.family === 'ipv4') cautionShort(word, address, context)
    return [formatAddress(address, context.family === 'ipv4' ? 32 : 128)]
  },
  schema: { type: 'string' },
  description: 'an address',
  examples: ['192.0.2.1', '2001:db8::1'],
  sample: (random, { family }) => {
    const addresses =
      family === 'ipv4'
        ? ['10.1.2.3', '0.0.0.0', '255.255.255.0', '0x0a000001', `192.0.2.${random(256)}`]
        : ['2001:DB8::1', '::', '::ffff:1.2.3.4', 'ffff:ffff:0::', `fe80:0:0::${random(10)}`]
    return [addresses[random(addresses.length)] as string]
  },
}

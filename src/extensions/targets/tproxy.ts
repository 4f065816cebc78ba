import { refuse, type TargetExtension, type ValueType } from '../extension.ts'
import { hostAddress } from '../values/host-address.ts'
import { mark } from '../values/mark.ts'
import { parsePort } from '../values/port.ts'

/** Decimal or a service, read by getaddrinfo. Over 65535 it wraps around, so that is refused. */
const PORT: ValueType = {
  name: 'port',
  words: 1,
  parse: ([word = ''], context) => {
    const isNumber = /^[0-9]/.test(word)
    if (isNumber && !/^[0-9]+$/.test(word)) {
      return refuse('invalid-value', `"${word}" is not a decimal port or a service name`)
    }
    const any = { ...context, protocol: undefined }
    const port = isNumber ? Number(word) : parsePort(word, any)
    if (typeof port !== 'number') return port
    return port <= 65535 ? [String(port)] : refuse('invalid-value', `port ${word} is over 65535`)
  },
  schema: { anyOf: [{ type: 'integer', minimum: 0, maximum: 65535 }, { type: 'string' }] },
  description: 'a port or a service name',
  examples: [8080],
  sample: (random) => [['http', '0', '65535', String(random(65536))][random(4)] as string],
}

/** libxt_TPROXY, revision 1 */
export const tproxy: TargetExtension = {
  kind: 'target',
  name: 'TPROXY',
  summary: 'Gives the packet to a local socket without changing it.',
  terminating: true,
  tables: ['mangle'],
  hooks: ['PREROUTING'],
  protocols: ['6', '17'],
  options: {
    'on-port': {
      value: PORT,
      description: 'The port of the socket; 0 is the port that the packet is for.',
      required: true,
    },
    'on-ip': {
      value: hostAddress,
      description: 'The address of the socket; none is that of the incoming interface.',
      preset: ({ family }) => (family === 'ipv4' ? '0.0.0.0' : '::'),
    },
    'tproxy-mark': {
      value: mark({ what: 'mark', bits: 32, omitFullMask: false }),
      description: 'Sets the mark of the packet.',
      preset: '0x0/0x0',
    },
  },
}

import type { TargetExtension } from '../extension.ts'
import { integer } from '../values/number.ts'
import { flag } from '../values/text.ts'

/** libxt_SYNPROXY. Bigger numbers than the fields hold wrap around there, and are refused here. */
export const synproxy: TargetExtension = {
  kind: 'target',
  name: 'SYNPROXY',
  summary: 'Makes the TCP handshake with the client before the server sees the connection.',
  terminating: false,
  tables: ['mangle', 'nat', 'filter', 'security'],
  hooks: ['INPUT', 'FORWARD'],
  protocols: ['6'],
  options: {
    'sack-perm': { value: flag, description: 'Offers selective acknowledgements.' },
    timestamp: { value: flag, description: 'Offers timestamps.' },
    wscale: {
      value: integer({ max: 255, what: 'window scale' }),
      description: 'The window scale of the server.',
    },
    mss: {
      value: integer({ max: 65535, what: 'segment size' }),
      description: 'The segment size of the server.',
    },
    ecn: { value: flag, description: 'Offers explicit congestion notification.' },
  },
}

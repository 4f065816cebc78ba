import { type MatchExtension, refuse, type ValueType } from '../extension.ts'
import { choice } from '../values/choice.ts'
import { foldHostBits, hostMask } from '../values/host.ts'
import { lookupPortRange } from '../values/lookup-port.ts'
import { isSavedPort } from '../values/port.ts'
import { protocolNumber } from '../values/protocol-number.ts'
import { flag } from '../values/text.ts'

/** One port, no range. */
const PORT: ValueType = {
  ...lookupPortRange,
  name: 'port by getaddrinfo',
  isNormal: isSavedPort,
  description: 'a port, or a service name',
  examples: [80, 'https'],
  parse: (words, context) =>
    words[0]?.includes(':')
      ? refuse('invalid-value', `"${words[0]}" is not one port`)
      : lookupPortRange.parse(words, context),
  sample: (random) => [['http', String(random(65536))][random(2)] as string],
}

/** libxt_ipvs */
export const ipvs: MatchExtension = {
  kind: 'match',
  name: 'ipvs',
  summary: 'Matches the IPVS (load balancer) connection of the packet.',
  effect: 'pure',
  needsHost: 'the kernel module xt_ipvs',
  needsOption: true,
  options: {
    ipvs: { value: flag, description: 'It belongs to an IPVS connection.', negatable: true },
    vproto: { value: protocolNumber, description: 'The virtual protocol.', negatable: true },
    vaddr: {
      value: hostMask,
      description: 'The virtual address.',
      negatable: true,
      fold: foldHostBits,
    },
    vport: { value: PORT, description: 'The virtual port.', negatable: true },
    vdir: {
      value: choice({
        what: 'direction',
        values: { ORIGINAL: 'ORIGINAL', REPLY: 'REPLY' },
      }),
      description: 'The direction of the packet.',
    },
    vmethod: {
      value: choice({
        what: 'forwarding method',
        values: { GATE: 'GATE', IPIP: 'IPIP', MASQ: 'MASQ' },
      }),
      description: 'How IPVS forwards the packet.',
      negatable: true,
    },
    vportctl: {
      value: PORT,
      description: 'The virtual port of the controlling connection, such as 21 for FTP.',
      negatable: true,
    },
  },
  // Every other option implies --ipvs, which is then not saved.
  normalise: (options) => {
    const others = options.filter((o) => o.name !== 'ipvs')
    if (others.length === 0 || others.length === options.length) return options
    return options.some((o) => o.name === 'ipvs' && o.negated)
      ? refuse('conflicting-options', '! --ipvs can not stand with other options')
      : others
  },
}

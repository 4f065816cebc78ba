import { formatNetwork, parseMaskedAddress } from '../../net/address.ts'
import type { TargetExtension, ValueType } from '../extension.ts'
import { hostMask } from '../values/host.ts'

/** A network with its prefix; host bits do not count. */
const NETWORK: ValueType = {
  ...hostMask,
  name: 'network to map to',
  parse: (words, context) => {
    const parsed = hostMask.parse(words, context)
    if (!Array.isArray(parsed)) return parsed
    const bits = context.family === 'ipv4' ? 32 : 128
    const network = parseMaskedAddress(parsed[0] ?? '', bits)
    return network === undefined ? parsed : [formatNetwork(network, bits)]
  },
  description: 'a network',
  examples: ['192.0.2.0/24', '2001:db8::/64'],
}

/** libipt_NETMAP and libip6t_NETMAP */
export const netmap: TargetExtension = {
  kind: 'target',
  name: 'NETMAP',
  summary: 'Maps a whole network to another one, address by address.',
  terminating: true,
  tables: ['nat'],
  hooks: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  options: {
    to: {
      value: NETWORK,
      description: 'The network; what its mask leaves open stays as it is.',
      required: true,
    },
  },
}

import { formatNetwork, parseMaskedAddress } from '../../net/address.ts'
import { type OptionSpec, refuse, type TargetExtension, type ValueType } from '../extension.ts'
import { hostMask } from '../values/host.ts'

/** ip6t_NPT takes up to 64 bits and no host bits. A prefix of all is not saved at all. */
const PREFIX: ValueType = {
  ...hostMask,
  name: 'prefix to translate',
  parse: (words, context) => {
    const parsed = hostMask.parse(words, context)
    if (!Array.isArray(parsed)) return parsed
    const [word = ''] = parsed
    const network = parseMaskedAddress(word, 128)
    const length = Number(word.split('/')[1] ?? 128)
    if (network === undefined || length > 64) {
      return refuse('invalid-value', `the prefix ${words[0]} is longer than 64 bits`)
    }
    if (formatNetwork(network, 128) !== word) {
      const hint = `write ${formatNetwork(network, 128)}`
      return refuse('invalid-value', `${words[0]} has bits beyond its prefix`, hint)
    }
    if (length === 0) {
      return refuse('changes-meaning', 'iptables can not load its own save of a prefix of 0 bits')
    }
    return [word]
  },
  description: 'a prefix of up to 64 bits',
  examples: ['2001:db8::/64'],
  sample: (random) => [
    ['2001:DB8::/64', 'fd00::/48', '2001:db8:0:1::/ffff:ffff:ffff:ffff::', '2001:db8::/33', '::/1'][
      random(5)
    ] as string,
  ],
}

function prefix(description: string): OptionSpec {
  return { value: PREFIX, description, required: true }
}

/** libip6t_SNPT */
export const snpt: TargetExtension = {
  kind: 'target',
  name: 'SNPT',
  summary: 'Replaces the prefix of the source address, without connection tracking.',
  families: ['ipv6'],
  terminating: false,
  tables: ['mangle'],
  hooks: ['INPUT', 'POSTROUTING'],
  options: {
    'src-pfx': prefix('The prefix that is replaced.'),
    'dst-pfx': prefix('The prefix that takes its place.'),
  },
}

/** libip6t_DNPT */
export const dnpt: TargetExtension = {
  ...snpt,
  name: 'DNPT',
  summary: 'Replaces the prefix of the destination address, without connection tracking.',
  hooks: ['PREROUTING', 'OUTPUT'],
}

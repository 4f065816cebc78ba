import { type OptionSpec, refuse, type TargetExtension, type ValueType } from '../extension.ts'
import { choice } from '../values/choice.ts'
import { macAddress } from '../values/mac.ts'
import { integer } from '../values/number.ts'
import { flag } from '../values/text.ts'

const FULL = ['hashmode', 'clustermac', 'total-nodes', 'local-node']

/** Only a group address is taken; saved in upper case by every version. */
const GROUP_MAC: ValueType = {
  ...macAddress,
  name: 'group mac address',
  parse: (words, context) => {
    const parsed = macAddress.parse(words, context)
    if (!Array.isArray(parsed) || (Number.parseInt(parsed[0] ?? '', 16) & 1) === 1) return parsed
    return refuse('invalid-value', `"${words[0]}" is not a multicast MAC address`)
  },
  print: (values) => values.map((value) => value.toUpperCase()),
}

function node(what: string, description: string): OptionSpec {
  return { value: integer({ min: 1, max: 16, what }), description, needs: ['new'] }
}

/** libipt_CLUSTERIP; gone from Linux since 6.3. */
export const clusterip: TargetExtension = {
  kind: 'target',
  name: 'CLUSTERIP',
  summary: 'Shares an address between several hosts.',
  families: ['ipv4'],
  terminating: false,
  needsHost: 'the kernel has it up to 6.2 only',
  options: {
    new: { value: flag, description: 'Makes the address; the first rule for it has this.' },
    hashmode: {
      value: choice({
        what: 'hash mode',
        caseSensitive: true,
        values: {
          sourceip: 'sourceip',
          'sourceip-sourceport': 'sourceip-sourceport',
          'sourceip-sourceport-destport': 'sourceip-sourceport-destport',
        },
      }),
      description: 'What decides which host answers.',
      needs: ['new'],
    },
    clustermac: { value: GROUP_MAC, description: 'The MAC address of the hosts.', needs: ['new'] },
    'total-nodes': node('number of nodes', 'How many hosts there are.'),
    'local-node': node('node', 'The number of this host.'),
    'hash-init': {
      value: integer({ max: 0xffffffff, what: 'seed' }),
      description: 'The seed of the hash.',
      needs: ['new'],
    },
  },
  normalise: (options) => {
    const given = new Set(options.map((o) => o.name))
    if (!given.has('new')) return options
    const missing = FULL.find((name) => !given.has(name))
    if (missing !== undefined) {
      return refuse('missing-option', `CLUSTERIP --new also needs --${missing}`)
    }
    return given.has('hash-init')
      ? options
      : [...options, { name: 'hash-init', negated: false, values: ['0'] }]
  },
}

import type { Option } from '../../ruleset/model.ts'
import { refuse, type TargetExtension } from '../extension.ts'
import { integer } from '../values/number.ts'
import { flag } from '../values/text.ts'

const BIT = integer({ max: 1, what: 'bit' })

function set(name: string, value: string): Option {
  return { name, negated: false, values: [value] }
}

/**
 * --ecn-tcp-remove overwrites what was written before it with "clear both bits of TCP", which is
 * also what it is saved as unless the bits of IP are set after it.
 */
function normalise(options: readonly Option[], typed: readonly Option[]): readonly Option[] {
  const removed = typed.findIndex((o) => o.name === 'ecn-tcp-remove')
  const clears = options.filter((o) => o.name.startsWith('ecn-tcp-') && o.values[0] === '0')
  if (removed < 0) {
    return clears.length === 2 && options.length === 2
      ? [{ name: 'ecn-tcp-remove', negated: false, values: [] }]
      : options
  }
  const ip = typed.slice(removed + 1).find((o) => o.name === 'ecn-ip-ect')
  if (ip === undefined) return options.filter((o) => o.name === 'ecn-tcp-remove')
  return [set('ecn-tcp-ece', '0'), set('ecn-tcp-cwr', '0'), ip]
}

/** libipt_ECN */
export const ecnTarget: TargetExtension = {
  kind: 'target',
  name: 'ECN',
  summary: 'Changes the congestion notification of the packet.',
  families: ['ipv4'],
  terminating: false,
  tables: ['mangle'],
  needsOption: true,
  options: {
    'ecn-tcp-remove': { value: flag, description: 'Clears both bits in the TCP header.' },
    'ecn-tcp-ece': { value: BIT, description: 'Sets or clears ECE in the TCP header.' },
    'ecn-tcp-cwr': { value: BIT, description: 'Sets or clears CWR in the TCP header.' },
    'ecn-ip-ect': {
      value: integer({ max: 3, what: 'codepoint' }),
      description: 'Sets the codepoint in the IP header.',
    },
  },
  normalise: (options, { caution }, typed) => {
    const names = options.map((o) => o.name)
    if (names.includes('ecn-tcp-remove')) {
      const other = names.find((name) => name === 'ecn-tcp-ece' || name === 'ecn-tcp-cwr')
      if (other !== undefined) {
        return refuse('conflicting-options', `--ecn-tcp-remove and --${other} exclude each other`)
      }
      if (names.includes('ecn-ip-ect') && typed.at(-1)?.name === 'ecn-tcp-remove') {
        const message = '--ecn-ip-ect is lost before --ecn-tcp-remove'
        caution(refuse('changes-meaning', message, 'write it after --ecn-tcp-remove'))
      }
    }
    return normalise(options, typed)
  },
  check: (options, { spec }) => {
    const tcp = options.some((o) => o.name.startsWith('ecn-tcp-'))
    if (!tcp || (spec.protocol?.value === '6' && !spec.protocol.negated)) return undefined
    return refuse('needs-protocol', 'ECN needs protocol tcp to change the TCP header')
  },
}

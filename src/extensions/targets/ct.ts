import type { Option } from '../../ruleset/model.ts'
import { type OptionSpec, refuse, type TargetExtension, type ValueType } from '../extension.ts'
import { choiceList } from '../values/choice.ts'
import { name } from '../values/name.ts'
import { between, parseBounded, spell } from '../values/number.ts'
import { flag, utf8Length } from '../values/text.ts'

function events(what: string, names: readonly string[]): ValueType {
  return choiceList({
    what,
    values: Object.fromEntries(names.map((n) => [n, n])),
    caseSensitive: true,
  })
}

const CT_EVENTS = events('conntrack event', [
  'new',
  'related',
  'destroy',
  'reply',
  'assured',
  'protoinfo',
  'helper',
  'mark',
  'natseqinfo',
  'secmark',
])

/** A number, or `mark` for the mark of the packet. */
const ZONE: ValueType = {
  name: 'zone',
  words: 1,
  parse: ([word = '']) => {
    if (word.toLowerCase() === 'mark') return ['mark']
    const zone = parseBounded(word, { max: 65535, what: 'zone' })
    return typeof zone === 'number' ? [String(zone)] : zone
  },
  schema: { anyOf: [{ type: 'integer', minimum: 0, maximum: 65535 }, { type: 'string' }] },
  description: 'a zone from 0 to 65535, or "mark" for the mark of the packet',
  examples: [5, 'mark'],
  sample: (random) => [random(4) === 0 ? 'mark' : spell(random, between(random, 0, 65535))],
}

function zone(description: string): OptionSpec {
  return { value: ZONE, description }
}

/** The protocols of the helpers that come with Linux; others may be added by programs. */
const HELPER_PROTOCOLS: Readonly<Record<string, readonly string[]>> = {
  ftp: ['6'],
  irc: ['6'],
  pptp: ['6'],
  sane: ['6'],
  'Q.931': ['6'],
  'H.245': ['6'],
  sip: ['6', '17'],
  tftp: ['17'],
  amanda: ['17'],
  snmp: ['17'],
  'netbios-ns': ['17'],
  RAS: ['17'],
}

const ZONES = ['zone-orig', 'zone-reply', 'zone']

/**
 * xt_CT keeps one number and one flag per direction, so that the last number counts; "mark" is a
 * flag of its own that no number clears. Without a direction, or with both, it is for both.
 */
function joinZones(options: readonly Option[], typed: readonly Option[]): readonly Option[] {
  const zones = typed.filter((o) => ZONES.includes(o.name))
  if (zones.length === 0) return options
  const values = zones.map((o) => o.values[0] ?? '0')
  const value = values.includes('mark') ? 'mark' : (values.at(-1) as string)
  const directions = new Set(zones.map((o) => o.name).filter((n) => n !== 'zone'))
  const [direction = 'zone'] = directions
  const joined = {
    name: directions.size === 1 ? direction : 'zone',
    negated: false,
    values: [value],
  }
  const others = options.filter((o) => !ZONES.includes(o.name))
  return value === '0' ? others : [...others, joined]
}

/** libxt_CT, revision 2 */
export const ct: TargetExtension = {
  kind: 'target',
  name: 'CT',
  summary: 'Sets how the connection of the packet is tracked, before it is.',
  terminating: false,
  tables: ['raw'],
  options: {
    notrack: { value: flag, description: 'Keeps connection tracking off the packet.' },
    helper: {
      value: name({ what: 'helper', max: 15, examples: ['ftp', 'tftp', 'sip'] }),
      description: 'The helper that follows the connection.',
      needsHost: 'the helper must be loaded, for the protocol of the rule',
    },
    timeout: {
      value: name({ what: 'timeout policy', max: 31, examples: ['dns'] }),
      description: 'The timeout policy of the connection.',
      needsHost: 'the timeout policy must exist',
    },
    ctevents: { value: CT_EVENTS, description: 'The events that are told of the connection.' },
    expevents: {
      value: events('expectation event', ['new']),
      description: 'The events that are told of expected connections.',
    },
    'zone-orig': zone('The zone of packets in the original direction.'),
    'zone-reply': zone('The zone of packets in the reply direction.'),
    zone: zone('The zone of packets in both directions.'),
  },
  normalise: (options, { caution }, typed) => {
    const joined = joinZones(options, typed)
    if (typed.filter((o) => ZONES.includes(o.name)).length > 1) {
      const [stored] = joined.filter((o) => ZONES.includes(o.name))
      const message = `there is one zone only: this is stored as ${stored ? `--${stored.name} ${stored.values[0]}` : 'none'}`
      caution(refuse('changes-meaning', message, 'use one rule for each direction'))
    }
    return joined
  },
  check: (options, { spec }) => {
    const tracked = !options.some((o) => o.name === 'notrack')
    const [needs] = options.filter((o) => o.name === 'helper' || o.name === 'timeout')
    if (!tracked || needs === undefined) return undefined
    const { protocol } = spec
    if (protocol === undefined || protocol.negated) {
      return refuse('needs-protocol', `CT --${needs.name} needs a protocol that is not negated`)
    }
    const [value = ''] = needs.values
    const known = needs.name === 'helper' ? HELPER_PROTOCOLS[value] : undefined
    if (known === undefined || known.includes(protocol.value)) return undefined
    const named = known.map((number) => (number === '6' ? 'tcp' : 'udp')).join(' or ')
    return refuse('needs-protocol', `the helper ${value} is for protocol ${named}`)
  },
  caution: (options) => {
    const timeout = options.find((o) => o.name === 'timeout')?.values[0] ?? ''
    if (utf8Length(timeout) <= 4) return undefined
    // xt_CT: .usersize is that of revision 0, which ends four bytes into the name.
    const message = 'the kernel tells only 4 bytes of the name of a timeout policy'
    return refuse('changes-meaning', message, 'name it with 4 bytes at most')
  },
}

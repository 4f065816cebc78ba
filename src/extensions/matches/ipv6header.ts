import type { MatchExtension, ValueType } from '../extension.ts'
import { choiceList } from '../values/choice.ts'
import { flag } from '../values/text.ts'

const NAMES = choiceList({
  what: 'header',
  values: {
    'hop-by-hop': 'hop-by-hop',
    'ipv6-opts': 'ipv6-opts',
    'ipv6-route': 'ipv6-route',
    'ipv6-frag': 'ipv6-frag',
    ah: 'ah',
    esp: 'esp',
    'ipv6-nonxt': 'ipv6-nonxt',
    protocol: 'protocol',
    hop: 'hop-by-hop',
    hopopt: 'hop-by-hop',
    dst: 'ipv6-opts',
    route: 'ipv6-route',
    frag: 'ipv6-frag',
    auth: 'ah',
    none: 'ipv6-nonxt',
    prot: 'protocol',
  },
  caseSensitive: true,
})

const NUMBERS: Readonly<Record<string, string>> = {
  0: 'hop',
  43: 'route',
  44: 'frag',
  50: 'esp',
  51: 'auth',
  59: 'none',
  60: 'dst',
  255: 'prot',
}

/** Headers by name or number. */
const headers: ValueType = {
  ...NAMES,
  description: 'headers by name or number, joined by commas',
  parse: ([word = ''], context) => {
    const parts = word.split(',').filter((part) => part !== '')
    const names = parts.map((part) => NUMBERS[part] ?? part)
    return NAMES.parse([names.join(',')], context)
  },
  sample: (random, context) =>
    random(3) === 0
      ? [['60,0,255', '51', '44,50,43', '59,hop'][random(4)] as string]
      : NAMES.sample(random, context),
}

/** libip6t_ipv6header */
export const ipv6header: MatchExtension = {
  kind: 'match',
  name: 'ipv6header',
  summary: 'Matches the extension headers of IPv6 and the upper layer header.',
  families: ['ipv6'],
  effect: 'pure',
  options: {
    header: {
      value: headers,
      description: 'The headers that the packet must have, and no other unless --soft is given.',
      negatable: true,
      required: true,
    },
    soft: { value: flag, description: 'Other headers may be there too.' },
  },
}

import { refuse, type ValueType } from '../extension.ts'
import { parseNumber } from './number.ts'
import { OWN_PROTOCOLS } from './protocol.ts'

/** A protocol as an option of an extension (XTTYPE_PROTOCOL): saved as its number. */
export const protocolNumber: ValueType = {
  name: 'protocol number',
  words: 1,
  parse: ([word = ''], { names }) => {
    const typed = parseNumber(word)
    const number =
      typed === undefined
        ? (OWN_PROTOCOLS[word] ??
          names.protocolNumber(word) ??
          names.protocolNumber(word.toLowerCase()))
        : Number(typed)
    if (number !== undefined && number <= 255) return [String(number)]
    return refuse('invalid-value', `"${word}" is not a protocol`, 'a name such as tcp, or 0 to 255')
  },
  schema: { anyOf: [{ type: 'integer', minimum: 0, maximum: 255 }, { type: 'string' }] },
  description: 'a protocol, by name or number',
  examples: ['tcp', 47],
  sample: (random) => {
    const words = ['tcp', 'udp', 'icmp', 'icmpv6', 'gre', 'sctp', 'mh', '0x11', '255', '6']
    return [words[random(words.length)] as string]
  },
}

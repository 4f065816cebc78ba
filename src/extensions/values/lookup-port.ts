import {
  type Random,
  type Refusal,
  refuse,
  type ValueContext,
  type ValueType,
} from '../extension.ts'
import { between } from './number.ts'
import { isSavedPortRange } from './port.ts'

/**
 * Reads a port as the extensions do that leave it to getaddrinfo (XTTYPE_PORTRC): decimal whatever
 * it begins with (`010` is 10, `0x50` is none), or a service of any protocol. What is over 65535
 * would wrap around there without a word.
 */
function lookupPort(word: string, { names }: ValueContext): number | Refusal {
  if (/^[0-9]+$/.test(word)) {
    const port = Number(word)
    return port <= 65535 ? port : refuse('invalid-value', `port ${word} is over 65535`)
  }
  return (
    names.service(word) ??
    refuse('invalid-value', `"${word}" is not a port or a known service name`)
  )
}

/** A port or a range, also a full one, which is stored and saved as `0:65535`. */
export const lookupPortRange: ValueType = {
  name: 'port range by getaddrinfo',
  words: 1,
  parse: ([word = ''], context) => {
    const [first = '', last, ...rest] = word.split(':')
    if (rest.length > 0 || word === '') {
      return refuse('invalid-value', `"${word}" is not a port or a range of ports`)
    }
    const from = first === '' ? 0 : lookupPort(first, context)
    if (typeof from !== 'number') return from
    const to = last === undefined ? from : last === '' ? 65535 : lookupPort(last, context)
    if (typeof to !== 'number') return to
    if (from > to) {
      return refuse('invalid-value', `port range ${word} is reversed`, `write ${to}:${from}`)
    }
    return [from === to ? String(from) : `${from}:${to}`]
  },
  isNormal: isSavedPortRange,
  schema: { anyOf: [{ type: 'integer', minimum: 0, maximum: 65535 }, { type: 'string' }] },
  description: 'a port, a range such as 1024:2048, or a service name',
  examples: [22, '1024:65535', 'https'],
  sample: (random) => [samplePorts(random)],
}

function samplePorts(random: Random): string {
  const from = between(random, 0, 65535)
  const to = between(random, from, 65535)
  const spellings = [`${from}:${to}`, `:${to}`, `${from}:`, ':', `0${from}`, 'ssh:http', 'domain']
  return spellings[random(14)] ?? String(from)
}

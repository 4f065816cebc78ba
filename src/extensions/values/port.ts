import {
  type Random,
  type Refusal,
  refuse,
  type ValueContext,
  type ValueType,
} from '../extension.ts'
import { between, parseNumber } from './number.ts'

/** The name a service database uses for a protocol number. */
const SERVICE_PROTOCOL: Readonly<Record<string, string>> = {
  '6': 'tcp',
  '17': 'udp',
  '33': 'dccp',
  '132': 'sctp',
  '136': 'udplite',
}

/** Reads a port number or a service name. */
export function parsePort(word: string, context: ValueContext): number | Refusal {
  const number = parseNumber(word)
  if (number !== undefined) {
    if (number <= 65535n) return Number(number)
    return refuse('invalid-value', `port ${word} is over 65535`)
  }
  const protocol = context.protocol === undefined ? undefined : SERVICE_PROTOCOL[context.protocol]
  return (
    context.names.service(word, protocol) ??
    refuse('invalid-value', `"${word}" is not a port or a known service name`)
  )
}

/** The ends of `A`, `A:B`, `:B`, `A:`. */
function parsePortRange(word: string, context: ValueContext): [number, number] | Refusal {
  const at = word.indexOf(':')
  if (at < 0) {
    const port = parsePort(word, context)
    return typeof port === 'number' ? [port, port] : port
  }
  const from = at === 0 ? 0 : parsePort(word.slice(0, at), context)
  if (typeof from !== 'number') return from
  const to = at === word.length - 1 ? 65535 : parsePort(word.slice(at + 1), context)
  if (typeof to !== 'number') return to
  if (from > to) {
    return refuse('invalid-value', `port range ${word} is reversed`, `write ${to}:${from}`)
  }
  return [from, to]
}

const PORT = '(?:0|[1-9]\\d{0,3}|[1-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d\\d|655[0-2]\\d|6553[0-5])'
const SAVED_PORT = new RegExp(`^${PORT}$`)
const SAVED_PORTS = new RegExp(`^${PORT}(?:,${PORT}){0,14}$`)
const SAVED_RANGE = new RegExp(`^${PORT}:${PORT}$`)

/** Whether a word is a decimal port as it is saved. */
export function isSavedPort(word: string): boolean {
  return SAVED_PORT.test(word)
}

/** Whether a word is a decimal port, or two with the lower one first, as both are saved. */
export function isSavedPortRange(word: string): boolean {
  if (isSavedPort(word)) return true
  if (!SAVED_RANGE.test(word)) return false
  const colon = word.indexOf(':')
  return Number(word.slice(0, colon)) < Number(word.slice(colon + 1))
}

const PORT_SCHEMA = { anyOf: [{ type: 'integer', minimum: 0, maximum: 65535 }, { type: 'string' }] }

/** A port, a range `1024:2048`, or a service name. `any` is `0:65535`. */
export const portRange: ValueType = {
  name: 'port range',
  words: 1,
  parse: ([word = ''], context) => {
    const range = parsePortRange(word, context)
    if (!Array.isArray(range)) return range as Refusal
    const [from, to] = range as [number, number]
    return [from === to ? String(from) : `${from}:${to}`]
  },
  isNormal: isSavedPortRange,
  schema: PORT_SCHEMA,
  description: 'a port, a range such as 1024:2048, or a service name',
  examples: [22, '1024:65535', 'https'],
  sample: (random) => [samplePorts(random)],
}

function samplePorts(random: Random): string {
  const from = between(random, 0, 65535)
  const to = between(random, from, 65535)
  const names = ['ssh', 'http', 'domain', '0x50']
  switch (random(6)) {
    case 0:
      return `${from}:${to}`
    case 1:
      return `:${to}`
    case 2:
      return `${from}:`
    case 3:
      return names[random(names.length)] as string
    default:
      return String(from)
  }
}

/** Up to 15 slots of ports and ranges, in the order as typed; a range takes two slots. */
export const portList: ValueType = {
  name: 'port list',
  words: 1,
  parse: ([word = ''], context) => {
    const saved: string[] = []
    let slots = 0
    for (const part of word.split(',')) {
      const at = part.indexOf(':')
      const ends = at < 0 ? [part] : [part.slice(0, at), part.slice(at + 1)]
      const ports = ends.map((end) => parsePort(end, context))
      const refused = ports.find((p) => typeof p !== 'number')
      if (refused !== undefined) return refused as Refusal
      const [from = 0, to] = ports as number[]
      if (to !== undefined && from >= to) {
        return refuse(
          'invalid-value',
          `"${part}" is not a port range`,
          'the first port must be lower',
        )
      }
      slots += ends.length
      saved.push(ports.join(':'))
    }
    if (slots > 15) {
      return refuse(
        'invalid-value',
        `${slots} slots of ports, at most 15 fit (a range takes two)`,
        'split the rule, or use a set',
      )
    }
    return [saved.join(',')]
  },
  isNormal: (word) => SAVED_PORTS.test(word),
  schema: { anyOf: [...PORT_SCHEMA.anyOf, { type: 'array', items: PORT_SCHEMA }] },
  description: 'up to 15 ports; a range counts as two',
  examples: ['80,443', '22,1000:2000'],
  sample: (random) => {
    const parts = Array.from({ length: 1 + random(5) }, () => {
      const from = random(65000)
      return random(3) === 0 ? `${from}:${from + 1 + random(500)}` : String(from)
    })
    return [parts.join(',')]
  },
}

import { type Random, type Refusal, refuse, type ValueType } from '../extension.ts'

/** Chunk types by number, which is the order of a save (libxt_sctp). */
const CHUNKS = [
  'DATA',
  'INIT',
  'INIT_ACK',
  'SACK',
  'HEARTBEAT',
  'HEARTBEAT_ACK',
  'ABORT',
  'SHUTDOWN',
  'SHUTDOWN_ACK',
  'ERROR',
  'COOKIE_ECHO',
  'COOKIE_ACK',
  'ECN_ECNE',
  'ECN_CWR',
  'SHUTDOWN_COMPLETE',
  'I_DATA',
  'ASCONF_ACK',
  'RE_CONFIG',
  'PAD',
  'FORWARD_TSN',
  'ASCONF',
  'I_FORWARD_TSN',
]

/** The flags of a chunk type, in the order of a save: upper case must be set, lower case clear. */
const FLAGS: Readonly<Record<string, string>> = {
  DATA: 'IUBE',
  I_DATA: 'IUBE',
  ABORT: 'T',
  SHUTDOWN_COMPLETE: 'T',
}

const HOW = ['all', 'any', 'only']

/** Two words: how many of the chunk types must be there, and the types with their flags. */
export const sctpChunks: ValueType = {
  name: 'sctp chunks',
  words: 2,
  parse: ([how = '', list = '']) => {
    const saved = how.toLowerCase()
    if (!HOW.includes(saved)) {
      return refuse('invalid-value', `"${how}" is not a match type`, `one of: ${HOW.join(', ')}`)
    }
    if (['ALL', 'NONE'].includes(list.toUpperCase())) return [saved, list.toUpperCase()]
    const chunks = parseList(list)
    if (!(chunks instanceof Map)) return chunks
    const parts = CHUNKS.filter((name) => chunks.has(name)).map((name) => printChunk(name, chunks))
    return [saved, parts.join(',') || 'NONE']
  },
  schema: {
    anyOf: [
      { type: 'string' },
      { type: 'array', items: { type: 'string' }, minItems: 2, maxItems: 2 },
    ],
  },
  description: 'all, any or only, and a list of chunk types with optional flags',
  examples: ['any DATA,INIT', 'all DATA:Be'],
  sample: (random) => [HOW[random(3)] as string, sampleList(random)],
}

/** Chunk types with the flags that were given for them, the later ones after the earlier. */
function parseList(list: string): Map<string, string> | Refusal {
  const chunks = new Map<string, string>()
  for (const part of list.split(',')) {
    if (part === '') continue
    const [typed = '', flags = ''] = part.split(':')
    const name = typed.toUpperCase()
    if (!CHUNKS.includes(name)) {
      return refuse('invalid-value', `"${typed}" is not an SCTP chunk type`, CHUNKS.join(', '))
    }
    const wrong = [...flags].find((flag) => !FLAGS[name]?.includes(flag.toUpperCase()))
    if (wrong !== undefined) {
      return refuse('invalid-value', `${name} chunks have no flag "${wrong}"`)
    }
    if (name === 'I_DATA' && flags !== '') {
      const message = 'iptables takes flags of I_DATA chunks but loses them on save'
      return refuse('changes-meaning', message, 'leave them out')
    }
    chunks.set(name, (chunks.get(name) ?? '') + flags)
  }
  return chunks
}

/** A flag that was given both ways must be set. */
function printChunk(name: string, chunks: ReadonlyMap<string, string>): string {
  const given = chunks.get(name) ?? ''
  const flags = [...(FLAGS[name] ?? '')].map((flag) =>
    given.includes(flag) ? flag : given.includes(flag.toLowerCase()) ? flag.toLowerCase() : '',
  )
  return flags.join('') === '' ? name : `${name}:${flags.join('')}`
}

function sampleList(random: Random): string {
  if (random(8) === 0) return random(2) === 0 ? 'ALL' : 'NONE'
  const parts = Array.from({ length: 1 + random(4) }, () => {
    const name = CHUNKS[random(CHUNKS.length)] as string
    const flags = name === 'I_DATA' ? '' : (FLAGS[name] ?? '')
    const some = [...flags].filter(() => random(2) === 0)
    const cased = some.map((f) => (random(2) === 0 ? f : f.toLowerCase())).join('')
    return cased === '' ? name : `${name}:${cased}`
  })
  return parts.join(',')
}

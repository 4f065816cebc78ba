import { type Refusal, refuse, type ValueType } from '../extension.ts'
import { between, parseBounded } from './number.ts'

export interface IcmpTypeOptions {
  /** Name → `TYPE` or `TYPE/CODE`, in the order of the reference. */
  readonly names: Readonly<Record<string, string>>
  /** The type that the kernel takes for any, with its name in a save. */
  readonly any?: { readonly type: number; readonly name: string }
}

/** An ICMP type with an optional code. Names may be cut short as long as one name only begins so. */
export function icmpType({ names, any }: IcmpTypeOptions): ValueType {
  const known = Object.entries(names)
  return {
    name: `icmp type ${known.length}`,
    words: 1,
    parse: ([word = '']) => {
      const found = known.filter(([name]) => name.toLowerCase().startsWith(word.toLowerCase()))
      if (found.length > 1) {
        const both = found.map(([name]) => name).join(', ')
        return refuse('invalid-value', `ICMP type "${word}" is ambiguous`, `it may be ${both}`)
      }
      const [, numbers] = found[0] ?? []
      const saved = numbers ?? readNumbers(word)
      if (typeof saved !== 'string') return saved
      return [any !== undefined && Number(saved.split('/')[0]) === any.type ? any.name : saved]
    },
    schema: {
      anyOf: [
        { enum: known.map(([name]) => name) },
        { type: 'integer', minimum: 0, maximum: 255 },
        { type: 'string' },
      ],
    },
    description: 'a type by name, or as TYPE or TYPE/CODE',
    examples: ['echo-request', '3/4'],
    sample: (random) => {
      if (random(2) === 0) return [(known[random(known.length)] as [string, string])[0]]
      const type = between(random, 0, 255)
      return [random(2) === 0 ? String(type) : `${type}/${between(random, 0, 255)}`]
    },
  }
}

function readNumbers(word: string): string | Refusal {
  const [type = '', code, ...rest] = word.split('/')
  const bounds = { max: 255, what: 'ICMP type' }
  const numbers = [type, ...(code === undefined ? [] : [code])].map((n) => parseBounded(n, bounds))
  const refused = numbers.find((n) => typeof n !== 'number')
  if (rest.length > 0 || refused !== undefined) {
    return refuse('invalid-value', `"${word}" is not an ICMP type`, 'write TYPE or TYPE/CODE')
  }
  return numbers.join('/')
}

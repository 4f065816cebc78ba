import { type AddressBits, formatAddress, hasOctalPart, parseAddress } from '../../net/address.ts'
import type { Option } from '../../ruleset/model.ts'
import {
  type Random,
  type Refusal,
  refuse,
  type ValueContext,
  type ValueType,
} from '../extension.ts'
import { hostAddress } from './host-address.ts'
import { negatedFullRange, neverTrue } from './never-matches.ts'

function bitsOfFamily({ family }: ValueContext): AddressBits {
  return family === 'ipv4' ? 32 : 128
}

/** An address as libxtables itself reads it: no zone, and no number for a whole IPv4 address. */
function parseEnd(text: string, context: ValueContext): bigint | undefined {
  const bits = bitsOfFamily(context)
  if (text.includes('%') || (bits === 32 && !/^[^.]{1,4}(\.|$)/.test(text))) return undefined
  if (bits === 32 && hasOctalPart(text)) {
    const message = `"${text}" has a leading zero, which makes a number octal`
    context.caution(refuse('octal-address', message, 'write it without the zero'))
  }
  return parseAddress(text, bits)
}

/** `FROM-TO`, or one address. */
export const addressRange: ValueType = {
  name: 'address range',
  words: 1,
  parse: ([word = ''], context) => {
    const bits = bitsOfFamily(context)
    const ends = word.split('-').map((end) => parseEnd(end, context))
    const [from, to = from] = ends
    if (ends.length > 2 || from === undefined || to === undefined || ends.includes(undefined)) {
      return refuse('invalid-value', `"${word}" is not a range of addresses`, 'write FROM-TO')
    }
    return [`${formatAddress(from, bits)}-${formatAddress(to, bits)}`]
  },
  schema: { type: 'string' },
  description: 'an address, or a range FROM-TO',
  examples: ['192.0.2.10-192.0.2.20', '2001:db8::10-2001:db8::20'],
  sample: (random, context) => {
    const ends = [1, 2].map(() => sampleEnd(random, context))
    ends.sort((a, b) => (number(a) < number(b) ? -1 : 1))
    return [random(4) === 0 ? (ends[0] as string) : ends.join('-')]
  },
}

/** One that both parsers of addresses read alike. */
function sampleEnd(random: Random, context: ValueContext): string {
  const [address = ''] = hostAddress.sample(random, context)
  return address.startsWith('0x') ? '10.1' : address
}

function number(address: string): bigint {
  return parseAddress(address, bitsOf(address)) ?? 0n
}

function bitsOf(address: string): AddressBits {
  return address.includes(':') ? 128 : 32
}

/** A range that no address is in, or that all are in and is negated. */
export function emptyAddressRange(options: readonly Option[]): Refusal | undefined {
  for (const option of options) {
    const range = option.values[0] ?? ''
    const [from = 0n, to = from] = range.split('-').map(number)
    if (from > to) return neverTrue(option, 'the range is reversed')
    const all = (1n << BigInt(bitsOf(range))) - 1n
    const never = option.negated && from === 0n && to === all && negatedFullRange([option], range)
    if (never) return never
  }
  return undefined
}

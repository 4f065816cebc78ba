import type { Family, Option } from '../../ruleset/model.ts'
import {
  type OptionSpec,
  type Refusal,
  refuse,
  type TargetExtension,
  type ValueContext,
} from '../extension.ts'
import { choiceList } from '../values/choice.ts'
import { integer } from '../values/number.ts'
import { prefixLength } from '../values/prefix-length.ts'

/** What each member of a tuple stands for. The protocol has 16 bits here, although it has 8. */
const MEMBERS: Readonly<Record<string, readonly [string, Readonly<Record<Family, string>>]>> = {
  src: ['hmark-src-prefix', { ipv4: '32', ipv6: '128' }],
  dst: ['hmark-dst-prefix', { ipv4: '32', ipv6: '128' }],
  sport: ['hmark-sport-mask', { ipv4: '0xffff', ipv6: '0xffff' }],
  dport: ['hmark-dport-mask', { ipv4: '0xffff', ipv6: '0xffff' }],
  spi: ['hmark-spi-mask', { ipv4: '0xffffffff', ipv6: '0xffffffff' }],
  proto: ['hmark-proto-mask', { ipv4: '0xffff', ipv6: '0xffff' }],
}

function hexField(max: number, digits: number, description: string): OptionSpec {
  const print = (value: number): string => `0x${value.toString(16).padStart(digits, '0')}`
  return { value: integer({ max, what: 'number', print }), description }
}

/**
 * A tuple is saved as the masks it stands for; only "ct" stays. It overwrites a mask that is
 * written before it, and refuses one that is written after it.
 */
function expandTuple(
  options: readonly Option[],
  { family, caution }: ValueContext,
  typed: readonly Option[],
): readonly Option[] | Refusal {
  const tuple = options.find((o) => o.name === 'hmark-tuple')
  if (tuple === undefined) return options
  const members = tuple.values[0]?.split(',') ?? []
  const stored = new Map(options.map((o) => [o.name, o]))
  stored.delete('hmark-tuple')
  for (const member of members) {
    const [name, values] = MEMBERS[member] ?? []
    if (name === undefined || values === undefined) continue
    const twice = typed.findIndex((o) => o.name === name)
    if (twice > typed.indexOf(tuple)) {
      return refuse('conflicting-options', `"${member}" in --hmark-tuple is --${name} again`)
    }
    if (twice >= 0) {
      const message = `"${member}" in --hmark-tuple overwrites --${name}`
      caution(refuse('changes-meaning', message, 'use one of them'))
    }
    stored.set(name, { name, negated: false, values: [values[family]] })
  }
  if (members.includes('ct')) stored.set('hmark-tuple', { ...tuple, values: ['ct'] })
  return ORDER.flatMap((name) => stored.get(name) ?? [])
}

/** The kernel hashes either ports or an SPI. */
function checkFields(options: readonly Option[]): Refusal | undefined {
  const given = new Set(options.map((o) => o.name))
  const has = (...names: readonly string[]): boolean => names.some((n) => given.has(`hmark-${n}`))
  const masks = has('spi-mask') && has('sport-mask', 'dport-mask')
  const values = has('spi') && has('sport', 'dport')
  if (masks || values) {
    return refuse('conflicting-options', 'HMARK takes either ports or an SPI, not both')
  }
  const rest = [...given].filter((n) => !['hmark-rnd', 'hmark-mod', 'hmark-offset'].includes(n))
  return rest.length > 0
    ? undefined
    : refuse('missing-option', 'HMARK needs --hmark-tuple or one of the prefixes and masks')
}

/** libxt_HMARK */
export const hmark: TargetExtension = {
  kind: 'target',
  name: 'HMARK',
  summary: 'Sets the mark of the packet to a hash of it.',
  terminating: false,
  options: {
    'hmark-src-prefix': {
      value: prefixLength,
      description: 'How many bits of the source address count.',
    },
    'hmark-dst-prefix': {
      value: prefixLength,
      description: 'How many bits of the destination address count.',
    },
    'hmark-sport-mask': hexField(0xffff, 4, 'The bits of the source port that count.'),
    'hmark-dport-mask': hexField(0xffff, 4, 'The bits of the destination port that count.'),
    'hmark-spi-mask': hexField(0xffffffff, 8, 'The bits of the SPI that count.'),
    'hmark-sport': hexField(0xffff, 4, 'Is ORed into the source port.'),
    'hmark-dport': hexField(0xffff, 4, 'Is ORed into the destination port.'),
    'hmark-spi': hexField(0xffffffff, 8, 'Is ORed into the SPI.'),
    'hmark-proto-mask': hexField(0xffff, 2, 'The bits of the protocol number that count.'),
    'hmark-rnd': { ...hexField(0xffffffff, 8, 'The seed of the hash.'), required: true },
    'hmark-mod': {
      value: integer({ min: 1, max: 0xffffffff, what: 'number of marks' }),
      description: 'How many marks there are.',
      required: true,
    },
    'hmark-offset': {
      value: integer({ max: 0xffffffff, what: 'mark' }),
      description: 'The first mark.',
    },
    'hmark-tuple': {
      value: choiceList({
        what: 'part of a packet',
        values: Object.fromEntries([...Object.keys(MEMBERS), 'ct'].map((n) => [n, n])),
      }),
      description: 'The parts of the packet that count; "ct" takes them from its connection.',
    },
  },
  normalise: expandTuple,
  check: checkFields,
}

const ORDER = Object.keys(hmark.options)

import type { OptionSpec, Refusal, ValueType } from '../extension.ts'
import { type MarkOptions, mark, parseMark } from './mark.ts'
import { between, parseBounded, spell } from './number.ts'

/** How many hexadecimal digits a save pads a number to; 1 when absent. */
interface BitOptions {
  readonly what: string
  readonly bits: 8 | 32
  readonly digits?: number
}

/** `value/mask`, both in hexadecimal, as a save writes what to clear and what to XOR in. */
function formatBits(value: number, mask: number, { digits = 1 }: BitOptions): string {
  const hex = (n: number): string => `0x${(n >>> 0).toString(16).padStart(digits, '0')}`
  return `${hex(value)}/${hex(mask)}`
}

/** `VALUE[/MASK]` → what is XORed in and what is cleared before; without a mask, all is cleared. */
function maskedBits(
  options: BitOptions,
  compute: (value: number, mask: number) => readonly [number, number] = (v, m) => [v, m],
): ValueType {
  const { what, bits } = options
  const type: MarkOptions = { what, bits, omitFullMask: false }
  return {
    ...mark(type),
    parse: ([word = '']) => {
      const read = parseMark(word, 2 ** bits - 1, what)
      if (!Array.isArray(read)) return read as Refusal
      const [value, mask] = compute(...(read as [number, number]))
      return [formatBits(value, mask, options)]
    },
  }
}

/** A number without a mask, stored as what to XOR in and what to clear before. */
function plainBits(
  options: BitOptions,
  compute: (value: number, full: number) => readonly [number, number],
): ValueType {
  const { what, bits } = options
  const full = 2 ** bits - 1
  return {
    name: `bits ${what}`,
    words: 1,
    parse: ([word = '']) => {
      const number = parseBounded(word, { max: full, what })
      if (typeof number !== 'number') return number
      const [value, mask] = compute(number, full)
      return [formatBits(value, mask, options)]
    },
    schema: { anyOf: [{ type: 'integer', minimum: 0, maximum: full }, { type: 'string' }] },
    description: `a ${what}`,
    examples: ['0x1'],
    sample: (random) => [spell(random, between(random, 0, full))],
  }
}

/** `--and-X`, `--or-X` and `--xor-X`, spellings of the option `stored`. */
export function bitOperations(
  suffix: string,
  stored: string,
  options: BitOptions,
): Readonly<Record<string, OptionSpec>> {
  const spelling = (
    description: string,
    compute: (value: number, full: number) => readonly [number, number],
  ): OptionSpec => ({
    value: plainBits(options, compute),
    description,
    group: 'set',
    rewrite: (values, negated) => ({ name: stored, negated, values }),
  })
  return {
    [`and-${suffix}`]: spelling('ANDs the bits with the value.', (v, full) => [0, ~v & full]),
    [`or-${suffix}`]: spelling('ORs the value in.', (v) => [v, v]),
    [`xor-${suffix}`]: spelling('XORs the value in.', (v) => [v, 0]),
  }
}

/** All spellings of `--set-xmark VALUE/MASK`, computed as libxt_MARK and libxt_CONNMARK do. */
export function markOperations(what: string): Readonly<Record<string, OptionSpec>> {
  const options: BitOptions = { what, bits: 32 }
  return {
    'set-xmark': {
      value: maskedBits(options),
      description: 'Clears the bits of the mask, then XORs the value in.',
      group: 'set',
    },
    'set-mark': {
      value: maskedBits(options, (value, mask) => [value, value | mask]),
      description: 'Clears the bits of the mask, then ORs the value in.',
      group: 'set',
      rewrite: (values, negated) => ({ name: 'set-xmark', negated, values }),
    },
    ...bitOperations('mark', 'set-xmark', options),
  }
}

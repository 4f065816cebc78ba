import { refuse, type ValueType } from '../extension.ts'

/** Bits, by suffix in lower case; without one the number is bits too (libxt_rateest). */
const SCALES: Readonly<Record<string, number>> = {
  '': 1,
  bit: 1,
  ...withPrefixes('bit', 1),
  bps: 8,
  ...withPrefixes('bps', 8),
}

function withPrefixes(unit: string, bits: number): Record<string, number> {
  return Object.fromEntries(
    ['k', 'm', 'g', 't'].flatMap((prefix, i) => [
      [`${prefix}${unit}`, bits * 1000 ** (i + 1)],
      [`${prefix}i${unit}`, bits * 1024 ** (i + 1)],
    ]),
  )
}

/** Bytes per second, as the kernel keeps them; undefined when it is no rate. */
function parseBytes(word: string): number | undefined {
  const [, number = '', unit = ''] = /^([0-9]*\.?[0-9]+|[0-9]+\.)([a-z]*)$/i.exec(word) ?? []
  const scale = SCALES[unit.toLowerCase()]
  return number === '' || scale === undefined ? undefined : Math.trunc((Number(number) * scale) / 8)
}

function format(bytes: number): string {
  const bits = bytes * 8
  if (bits >= 1e9) return `${roundHalfEven(bits, 1e6)}Mbit`
  return bits >= 1e6 ? `${roundHalfEven(bits, 1e3)}Kbit` : `${bits}bit`
}

/** As printf rounds. */
function roundHalfEven(value: number, unit: number): number {
  const whole = Math.floor(value / unit)
  const rest = (value % unit) * 2
  return rest > unit || (rest === unit && whole % 2 === 1) ? whole + 1 : whole
}

/** Bits per second, kept in bytes; a save rounds what is over a million. */
export const bitRate: ValueType = {
  name: 'bit rate',
  words: 1,
  parse: ([word = ''], { caution }) => {
    const bytes = parseBytes(word)
    if (bytes === undefined) {
      return refuse('invalid-value', `"${word}" is not a bit rate`, 'write 500kbit or 2MBps')
    }
    if (bytes > 0xffffffff) return refuse('invalid-value', `the rate ${word} is over 34 Gbit/s`)
    const saved = format(bytes)
    if (parseBytes(saved) !== bytes) {
      const message = `iptables saves the rate ${word} as ${saved}, which is not the same`
      caution(refuse('changes-meaning', message, `write ${saved}`))
    }
    return [saved]
  },
  schema: { anyOf: [{ const: true }, { type: 'integer', minimum: 0 }, { type: 'string' }] },
  description: 'a rate in bits per second, or with a unit such as kbit, Mibit, MBps',
  examples: ['500kbit', '2MBps'],
  sample: (random) => [
    ['1000', '500kbit', '2.5mbit', '1Gbit', '8bit', '3MBps'][random(6)] as string,
  ],
}

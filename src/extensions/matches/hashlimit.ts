import type { Option } from '../../ruleset/model.ts'
import {
  type MatchExtension,
  type OptionSpec,
  type Refusal,
  refuse,
  type ValueContext,
} from '../extension.ts'
import { choiceList } from '../values/choice.ts'
import { decimal } from '../values/decimal.ts'
import {
  costToBytes,
  formatBytes,
  formatHashlimitRate,
  HASHLIMIT_SCALE,
  hashlimitBurst,
  hashlimitRate,
  parseBurst,
  parseHashlimitRate,
  printedSeconds,
} from '../values/hashlimit-rate.ts'
import { name } from '../values/name.ts'
import { integer } from '../values/number.ts'
import { prefixLength } from '../values/prefix-length.ts'
import { formatRate } from '../values/rate.ts'
import { flag } from '../values/text.ts'

/** xt_hashlimit.c: what is over this is cut to it. */
const MAX_SIZE = 1048576

const OPPOSITE = {
  'hashlimit-upto': 'hashlimit-above',
  'hashlimit-above': 'hashlimit-upto',
} as const

const list = choiceList({
  what: 'hashlimit mode',
  values: { srcip: 'srcip', srcport: 'srcport', dstip: 'dstip', dstport: 'dstport' },
  caseSensitive: true,
})

function rate(description: string, aliases: readonly string[] = []): OptionSpec {
  return { value: hashlimitRate, description, aliases, negatable: true, group: 'rate' }
}

/** Milliseconds, of which the kernel takes no 0. */
function milliseconds(description: string, omit?: string): OptionSpec {
  const value = integer({ min: 1, max: 0xffffffff, what: 'time in milliseconds' })
  return { value, description, ...(omit !== undefined && { omit }) }
}

function size(description: string): OptionSpec {
  return { value: integer({ max: MAX_SIZE, what: 'size' }), description, omit: '0' }
}

/**
 * libxt_hashlimit, revision 3. What an option says depends on the others: the unit of the rate sets
 * how long entries live, a rate in bytes makes the burst bytes.
 */
export const hashlimit: MatchExtension = {
  kind: 'match',
  name: 'hashlimit',
  summary: 'Matches by a rate for each address, port or network, with a burst.',
  effect: 'stateful',
  options: {
    'hashlimit-upto': rate('Match while the rate is not exceeded.', ['hashlimit']),
    'hashlimit-above': rate('Match what exceeds the rate.'),
    'hashlimit-burst': {
      value: hashlimitBurst,
      description: 'How many packets, or bytes, may come at once before the rate counts.',
    },
    'hashlimit-mode': {
      value: { ...list, parse: ([word = ''], c) => list.parse([word.replaceAll('|', ',')], c) },
      description: 'What has a rate of its own: each address, each port, or combinations.',
    },
    'hashlimit-name': {
      value: {
        ...name({ what: 'name', max: 254, examples: ['ssh', 'per-host.v4'] }),
        // Rules that share a name share a table, and the kernel takes some of them for a conflict.
        sample: (random) => [`per-host.${random(1_000_000)}`],
      },
      description: 'The name of the table of entries; rules with the same name share it.',
      required: true,
    },
    'hashlimit-htable-size': size('How many buckets the table has.'),
    'hashlimit-htable-max': size('How many entries the table holds.'),
    'hashlimit-htable-gcinterval': milliseconds(
      'How long between two clean-ups of the table, in milliseconds.',
      '1000',
    ),
    'hashlimit-htable-expire': milliseconds(
      'How long an idle entry lives, in milliseconds; by default as long as the unit of the rate.',
    ),
    'hashlimit-srcmask': {
      value: prefixLength,
      description: 'The prefix length by which source addresses are grouped.',
    },
    'hashlimit-dstmask': {
      value: prefixLength,
      description: 'The prefix length by which destination addresses are grouped.',
    },
    'hashlimit-rate-match': {
      value: flag,
      description: 'Judge the rate that a flow has, instead of limiting it.',
    },
    'hashlimit-rate-interval': {
      value: decimal({ min: 1, max: 0x7fffffff, what: 'number of seconds' }),
      description: 'The seconds over which the rate is measured.',
      needs: ['hashlimit-rate-match'],
    },
  },
  normalise: (options, context) => {
    const given = new Map(options.map((o) => [o.name, o]))
    const tableName = given.get('hashlimit-name')?.values[0] ?? ''
    if (tableName.includes('/') || tableName === '.' || tableName === '..') {
      return refuse('invalid-value', `"${tableName}" can not be the name of a file in /proc`)
    }
    const limit = given.get('hashlimit-upto') ?? given.get('hashlimit-above')
    if (limit === undefined) {
      return refuse('missing-option', 'hashlimit needs one of --hashlimit-upto, --hashlimit-above')
    }
    const stored = limit.values[0]?.includes('b/')
      ? storeBytes(given, limit, context)
      : storePackets(given, limit, context)
    if (isRefused(stored)) return stored
    const full = context.family === 'ipv4' ? '32' : '128'
    const all = { ...Object.fromEntries(given), ...stored }
    return Object.keys(hashlimit.options)
      .map((key) => all[key as keyof typeof all] as Option | undefined)
      .filter((o): o is Option => o !== undefined)
      .filter((o) => !(o.name.endsWith('mask') && o.values[0] === full))
  },
}

type Stored = Readonly<Record<string, Option | undefined>>

function isRefused(stored: Stored | Refusal): stored is Refusal {
  return typeof stored.code === 'string'
}

function option(key: string, ...values: readonly string[]): Option {
  return { name: key, negated: false, values }
}

/** `! --hashlimit-upto` is `--hashlimit-above`. */
function storeLimit(limit: Option, text: string): Stored {
  const key = limit.name as keyof typeof OPPOSITE
  const saved = limit.negated ? OPPOSITE[key] : key
  return { [key]: undefined, [saved]: option(saved, text) }
}

function storeExpire(given: ReadonlyMap<string, Option>, typed: number, printed: number): Stored {
  const expire = given.get('hashlimit-htable-expire')?.values[0] ?? String(typed)
  const key = 'hashlimit-htable-expire'
  return { [key]: expire === String(printed) ? undefined : option(key, expire) }
}

function storeInterval(given: ReadonlyMap<string, Option>, byDefault: number): Stored {
  const key = 'hashlimit-rate-interval'
  if (!given.has('hashlimit-rate-match')) return { [key]: undefined }
  const interval = given.get(key)?.values[0] ?? String(byDefault)
  return { [key]: interval === '1' ? undefined : option(key, interval) }
}

function storePackets(
  given: ReadonlyMap<string, Option>,
  limit: Option,
  { caution }: ValueContext,
): Stored | Refusal {
  const typed = parseHashlimitRate(limit.values[0] as string)
  if (typed?.kind !== 'packets') return refuse('invalid-value', 'not a rate of packets')
  const matchesRate = given.has('hashlimit-rate-match')
  const cost = matchesRate ? Math.floor(typed.cost / typed.seconds) : typed.cost
  if (cost === 0) return refuse('invalid-value', `the rate ${limit.values[0]} is too fast`)
  const burst = parseBurst(given.get('hashlimit-burst')?.values[0] ?? '5')?.total ?? 5n
  if (burst > 1000000n) {
    return refuse('invalid-value', `burst ${burst} is out of range: 1 to 1000000`)
  }
  if (!matchesRate && overflows(cost, burst)) {
    const message = `a burst of ${burst} at ${limit.values[0]} overflows the credit of the kernel`
    const hint = 'lower the burst: burst times the time for one packet must stay under a day'
    caution(refuse('changes-meaning', message, hint))
  }
  const text = formatRate(cost, HASHLIMIT_SCALE)
  return {
    ...storeLimit(limit, text),
    'hashlimit-burst': option('hashlimit-burst', String(burst)),
    ...storeExpire(given, typed.seconds * 1000, printedSeconds(text) * 1000),
    ...storeInterval(given, typed.seconds),
  }
}

/** xt_hashlimit.c, user2credits: 64 bits hold about a day and a half of credit. */
function overflows(cost: number, burst: bigint): boolean {
  return BigInt(cost) * burst * 137438953n >= 1n << 64n
}

function storeBytes(
  given: ReadonlyMap<string, Option>,
  limit: Option,
  { caution }: ValueContext,
): Stored | Refusal {
  const typed = parseHashlimitRate(limit.values[0] as string)
  if (typed?.kind !== 'bytes') return refuse('invalid-value', 'not a rate of bytes')
  const written = given.get('hashlimit-burst')?.values[0]
  const rates = { ...storeLimit(limit, formatHashlimitRate(typed)), ...storeInterval(given, 1) }
  if (written === undefined) return { ...rates, ...storeExpire(given, 15000, 15000) }
  const unit = costToBytes(typed.cost)
  const bytes = parseBurst(written)?.total ?? 0n
  if (bytes < unit) {
    const message = `the burst of ${bytes} bytes is smaller than the rate of one second, ${unit}`
    return refuse('invalid-value', message)
  }
  if (bytes >= 1n << 32n) return refuse('invalid-value', 'the burst is over 4095mb')
  const seconds = (bytes + unit - 1n) / unit
  const saved = formatBytes(seconds * unit)
  const reloaded = parseBurst(saved)?.total ?? 0n
  if (reloaded < unit || (reloaded + unit - 1n) / unit !== seconds) {
    const message = `the burst ${formatBytes(bytes)} is saved as ${saved}, which means another one`
    caution(refuse('changes-meaning', message, 'choose a burst that is a multiple of 1mb or 1kb'))
  }
  return {
    ...rates,
    'hashlimit-burst': option('hashlimit-burst', saved),
    ...storeExpire(given, 60000, 60000),
  }
}

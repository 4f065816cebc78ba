import type { Option } from '../../ruleset/model.ts'
import {
  type OptionSpec,
  type Refusal,
  refuse,
  type TargetExtension,
  type ValueType,
} from '../extension.ts'
import { name } from '../values/name.ts'

const UNITS: Readonly<Record<string, number>> = {
  s: 1e6,
  sec: 1e6,
  secs: 1e6,
  ms: 1e3,
  msec: 1e3,
  msecs: 1e3,
  us: 1,
  usec: 1,
  usecs: 1,
  '': 1,
}

const LONGEST = 0xffffffff

/** A time with a unit, in whole microseconds. */
function readTime(word: string): number | undefined {
  const [, digits = '', unit = ''] = /^([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([a-z]*)$/i.exec(word) ?? []
  const scale = UNITS[unit.toLowerCase()]
  if (digits === '' || scale === undefined) return undefined
  const time = Math.trunc(Number(digits) * scale)
  return time <= LONGEST ? time : undefined
}

const TIME: ValueType = {
  name: 'time with unit',
  words: 1,
  parse: ([word = '']) => {
    const time = readTime(word)
    if (time !== undefined) return [`${time}us`]
    return refuse('invalid-value', `"${word}" is not a time`, 'write 250ms or 1s, up to 4294s')
  },
  schema: { type: 'string' },
  description: 'a time in s, ms or us',
  examples: ['250ms', '1s'],
  sample: (random) => [
    ['250ms', '0.5s', '1s', '2000MS', '3sec', `${1 + random(8)}s`, `${300 + random(900)}msecs`][
      random(7)
    ] as string,
  ],
}

/** print_time of libxt_RATEEST. */
function formatTime(time: number): string {
  if (time >= 1e6) return `${(time / 1e6).toFixed(1)}s`
  return time >= 1e3 ? `${(time / 1e3).toFixed(1)}ms` : `${time}us`
}

/**
 * The kernel measures every 250 ms times a power of two, and averages over a power of two of that:
 * RATEEST_final_check of libxt_RATEEST.
 */
function roundTimes(interval: number, average: number): readonly [number, number] | Refusal {
  const step = [0, 1, 2, 3, 4, 5].find((n) => interval <= 250_000 * 2 ** n)
  if (step === undefined) return refuse('invalid-value', 'the interval is at most 8s')
  let log = 1
  while (log < 32 && interval / -Math.log(1 - 1 / 2 ** log) <= average) log++
  log--
  const stored = 250_000 * 2 ** step
  if (log === 0 || log >= 31 || stored * 2 ** log > LONGEST) {
    const hint = 'it must be longer than the interval, but not by too much'
    return refuse('invalid-value', 'the averaging time does not fit the interval', hint)
  }
  return [stored, stored * 2 ** log]
}

function normalise(options: readonly Option[]): readonly Option[] | Refusal {
  const time = (option: string): number =>
    readTime(options.find((o) => o.name === option)?.values[0] ?? '') ?? 0
  const rounded = roundTimes(time('rateest-interval'), time('rateest-ewmalog'))
  if (!Array.isArray(rounded)) return rounded as Refusal
  const [interval, average] = (rounded as [number, number]).map(formatTime)
  const saved: Readonly<Record<string, string | undefined>> = {
    'rateest-interval': interval,
    'rateest-ewmalog': average,
  }
  return options.map((o) => ({ ...o, values: [saved[o.name] ?? (o.values[0] as string)] }))
}

function time(description: string): OptionSpec {
  return { value: TIME, description, required: true }
}

/** libxt_RATEEST */
export const rateestTarget: TargetExtension = {
  kind: 'target',
  name: 'RATEEST',
  summary: 'Measures the rate of the packets, for the rateest match.',
  terminating: false,
  options: {
    'rateest-name': {
      value: {
        ...name({ what: 'estimator name', max: 15, examples: ['wan'] }),
        sample: (random) => [`e${random(0x7fffffff).toString(36)}`],
      },
      description: 'The name of the estimator; rules with the same name share it.',
      required: true,
    },
    'rateest-interval': time('How often the rate is measured.'),
    'rateest-ewmalog': time('The time that the rate is averaged over.'),
  },
  normalise,
}

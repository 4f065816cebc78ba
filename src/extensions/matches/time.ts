import type { Option } from '../../ruleset/model.ts'
import { type MatchExtension, type OptionSpec, type Refusal, refuse } from '../extension.ts'
import { impossible } from '../values/never-matches.ts'
import { flag } from '../values/text.ts'
import { date, MONTHDAYS, monthdays, timeOfDay, WEEKDAYS, weekdays } from '../values/time.ts'

const FIRST = '00:00:00'
const LAST = '23:59:59'
const EPOCH = '1970-01-01T00:00:00'

/** INT_MAX, which a 64-bit libxt_time does not know for the default when it saves. */
const END = '2038-01-19T03:14:07'

const ALL_DAYS: Readonly<Record<string, readonly string[]>> = {
  monthdays: MONTHDAYS,
  weekdays: WEEKDAYS,
}

function timezone(description: string, store: Pick<OptionSpec, 'rewrite' | 'omit'>): OptionSpec {
  return { value: flag, description, group: 'timezone', ...store }
}

/** libxt_time. Times are saved both or not at all, days as those that match. */
export const time: MatchExtension = {
  kind: 'match',
  name: 'time',
  summary: 'Matches by the time at which the packet arrives.',
  effect: 'pure',
  options: {
    timestart: { value: timeOfDay, description: 'From this time of the day on.' },
    timestop: { value: timeOfDay, description: 'Until this time of the day, inclusive.' },
    monthdays: { value: monthdays, description: 'On these days of the month.', negatable: true },
    weekdays: { value: weekdays, description: 'On these days of the week.', negatable: true },
    datestart: { value: date, description: 'From this date on.', omit: EPOCH },
    datestop: { value: date, description: 'Until this date, inclusive.', preset: END },
    kerneltz: timezone('Times are in the time zone of the kernel, not in UTC.', {}),
    contiguous: {
      value: flag,
      description: 'A stop before the start is on the next day, even if that is not matched.',
    },
    localtz: timezone('The old name of --kerneltz.', {
      rewrite: () => ({ name: 'kerneltz', negated: false, values: [] }),
    }),
    utc: timezone('Times are in UTC, which is so anyway.', { omit: '' }),
  },
  normalise: (options) => {
    const stored: Option[] = []
    const value = (name: string): string | undefined =>
      options.find((o) => o.name === name)?.values[0]
    const [start, stop] = [value('timestart') ?? FIRST, value('timestop') ?? LAST]
    if (options.some((o) => o.name === 'contiguous') && start < stop) {
      return refuse('conflicting-options', '--contiguous needs a --timestop before --timestart')
    }
    if (value('datestop') === EPOCH) {
      return refuse('changes-meaning', `--datestop ${EPOCH} is not saved, and so means no stop`)
    }
    if (start !== FIRST || stop !== LAST) {
      stored.push({ name: 'timestart', negated: false, values: [start] })
      stored.push({ name: 'timestop', negated: false, values: [stop] })
    }
    for (const option of options) {
      const all = ALL_DAYS[option.name]
      if (option.name === 'timestart' || option.name === 'timestop') continue
      const days = all && storeDays(option, all)
      if (days !== undefined && 'code' in days) return days
      stored.push(...(days ?? [option]))
    }
    return stored
  },
  caution: (options) => {
    const start = options.find((o) => o.name === 'datestart')?.values[0] ?? EPOCH
    const stop = options.find((o) => o.name === 'datestop')?.values[0] ?? END
    return start > stop
      ? impossible(options, { datestop: stop }, `it stops before it starts at ${start}`)
      : undefined
  },
}

/** The days that match; none if that is all of them. */
function storeDays(option: Option, all: readonly string[]): readonly Option[] | Refusal {
  const named = (option.values[0] ?? '').split(',')
  const days = all.filter((day) => named.includes(day) !== option.negated)
  if (days.length === 0) return refuse('never-matches', `"! --${option.name}" leaves no day`)
  if (days.length === all.length) return []
  return [{ name: option.name, negated: false, values: [days.join(',')] }]
}

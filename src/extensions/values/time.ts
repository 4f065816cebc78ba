/** Dates, times of day and days as libxt_time reads them. All are in UTC. */
import { type Random, refuse, type ValueType } from '../extension.ts'

function two(value: number): string {
  return String(value).padStart(2, '0')
}

const DATE = /^([0-9]+)(?:-([0-9]+)(?:-([0-9]+)(?:T([0-9]+)(?::([0-9]+)(?::([0-9]+))?)?)?)?)?$/

/** `YYYY[-MM[-DD[Thh[:mm[:ss]]]]]`; a day that the month does not have is one of the next month. */
export const date: ValueType = {
  name: 'date',
  words: 1,
  parse: ([word = ''], { caution }) => {
    const parts = DATE.exec(word)
      ?.slice(1)
      .map((p) => (p === undefined ? undefined : Number(p)))
    if (parts === undefined) {
      return refuse('invalid-value', `"${word}" is not a date`, 'write 2024-12-31T23:59:59')
    }
    const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts
    const inBounds = year >= 1970 && year <= 2038 && month <= 12 && day <= 31
    if (!inBounds || hour > 23 || minute > 59 || second > 59) {
      return refuse('invalid-value', `the date "${word}" is out of range: 1970 to 2038`)
    }
    const time = Date.UTC(year, month - 1, day, hour, minute, second)
    if (time < 0) return refuse('invalid-value', `the date "${word}" is before 1970`)
    const saved = new Date(time).toISOString().slice(0, 19)
    if (!saved.startsWith(`${year}-${two(month)}-${two(day)}`)) {
      caution(
        refuse('changes-meaning', `iptables takes the date ${word} for ${saved.slice(0, 10)}`),
      )
    }
    return [saved]
  },
  schema: { anyOf: [{ type: 'integer', minimum: 1970, maximum: 2038 }, { type: 'string' }] },
  description: 'a date: YYYY[-MM[-DD[Thh[:mm[:ss]]]]]',
  examples: ['2024-12-31', '2024-12-31T23:59:59'],
  sample: (random) => {
    const part = (below: number): string => (random(2) === 0 ? two : String)(random(below))
    const parts = [
      String(1970 + random(69)),
      `-${1 + random(12)}`,
      `-${two(1 + random(28))}`,
      `T${part(24)}`,
      `:${part(60)}`,
      `:${part(60)}`,
    ]
    return [parts.slice(0, 1 + random(6)).join('')]
  },
}

/** `hh:mm[:ss]`, always decimal. */
export const timeOfDay: ValueType = {
  name: 'time of day',
  words: 1,
  parse: ([word = '']) => {
    const parts = /^([0-9]+):([0-9]+)(?::([0-9]+))?$/.exec(word)?.slice(1)
    const [hour = 24, minute = 60, second = 60] = parts?.map((p) => Number(p ?? 0)) ?? []
    if (hour <= 23 && minute <= 59 && second <= 59)
      return [[hour, minute, second].map(two).join(':')]
    return refuse('invalid-value', `"${word}" is not a time of day`, '00:00:00 to 23:59:59')
  },
  schema: { type: 'string' },
  description: 'a time of day: hh:mm[:ss]',
  examples: ['08:00', '17:30:00'],
  sample: (random) => {
    const seconds = random(2) === 0 ? '' : `:${two(random(60))}`
    const [hour, minute] = [random(24), random(60)]
    return [
      random(2) === 0 ? `${hour}:${minute}${seconds}` : `${two(hour)}:${two(minute)}${seconds}`,
    ]
  },
}

interface DayListOptions {
  readonly what: string
  /** All days, in the order in which a save prints them. */
  readonly all: readonly string[]
  readonly read: (part: string) => string | undefined
  readonly hint: string
  readonly spell: (random: Random, day: number) => string
}

function dayList({ what, all, read, hint, spell }: DayListOptions): ValueType {
  return {
    name: `days ${what}`,
    words: 1,
    parse: ([word = '']) => {
      const chosen = new Set<string>()
      for (const part of word.split(',')) {
        const day = read(part)
        if (day === undefined) return refuse('invalid-value', `"${part}" is not a ${what}`, hint)
        chosen.add(day)
      }
      return [all.filter((day) => chosen.has(day)).join(',')]
    },
    schema: {
      anyOf: [
        { type: 'integer', minimum: 1, maximum: all.length },
        { type: 'string' },
        { type: 'array', items: { type: ['integer', 'string'] } },
      ],
    },
    description: `a ${what}, or several`,
    examples: [all.slice(0, 2).join(',')],
    sample: (random) => {
      const days = all.flatMap((_, i) => (random(3) === 0 ? [spell(random, i + 1)] : []))
      if (random(2) === 0) days.reverse()
      return [days.length > 0 ? days.join(',') : spell(random, 1 + random(all.length))]
    },
  }
}

export const MONTHDAYS: readonly string[] = Array.from({ length: 31 }, (_, i) => String(i + 1))
export const WEEKDAYS: readonly string[] = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']

/** Days of the month. A leading zero makes a number octal, so `08` is none. */
export const monthdays: ValueType = dayList({
  what: 'day of the month',
  all: MONTHDAYS,
  read: (part) => {
    const day = /^0[1-7]$/.test(part) ? part.slice(1) : part
    return MONTHDAYS.includes(day) ? day : undefined
  },
  hint: '1 to 31',
  spell: (random, day) => (day < 8 && random(4) === 0 ? `0${day}` : String(day)),
})

/** Days of the week: 1 to 7, or names of which the first two letters count, with their case. */
export const weekdays: ValueType = dayList({
  what: 'day of the week',
  all: WEEKDAYS,
  read: (part) =>
    WEEKDAYS.find((day, i) => part === String(i + 1) || part.slice(0, 2) === day.slice(0, 2)),
  hint: `${WEEKDAYS.join(', ')} or 1 to 7`,
  spell: (random, day) => {
    const name = WEEKDAYS[day - 1] as string
    return [name, name.slice(0, 2), String(day)][random(3)] as string
  },
})

/** Times of the week, such as `Mon-Fri 08:00-18:00`, by the host's own clock and time zone. */
import { FwctlError } from '../base/error.ts'

export interface TimeWindow {
  /** Sunday is 0. Of the day on which it begins. */
  readonly days: ReadonlySet<number>
  /** Minutes from midnight; when `to` is not after `from`, it ends on the next day. */
  readonly from: number
  readonly to: number
}

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const DAY_MINUTES = 24 * 60

/** `Mon-Fri 08:00-18:00`, `Sat,Sun 22:00-06:00`, `02:00-04:00`. Throws FwctlError `usage`. */
export function parseWindow(text: string, option: string): TimeWindow {
  const match = /^(?:(\S+)\s+)?(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$/.exec(text.trim())
  const days = match && parseDays(match[1])
  const [from, to] = match ? [minutes(match[2], match[3]), minutes(match[4], match[5])] : []
  if (days && from !== undefined && to !== undefined && from < DAY_MINUTES)
    return { days, from, to }
  throw new FwctlError(
    'usage',
    `${option} "${text}": write it as "Mon-Fri 08:00-18:00", "Sat,Sun 22:00-06:00" or "02:00-04:00".`,
  )
}

/** Whether the moment is in the window. */
export function isInWindow({ days, from, to }: TimeWindow, moment: Date): boolean {
  const minute = moment.getHours() * 60 + moment.getMinutes()
  const day = moment.getDay()
  if (from < to) return days.has(day) && minute >= from && minute < to
  return (days.has(day) && minute >= from) || (days.has((day + 6) % 7) && minute < to)
}

function parseDays(text: string | undefined): ReadonlySet<number> | undefined {
  const days = new Set<number>()
  for (const part of (text ?? 'sun-sat').toLowerCase().split(',')) {
    const [first, last = first] = part.split('-').map((name) => DAYS.indexOf(name))
    if (first === undefined || last === undefined || first < 0 || last < 0) return undefined
    if (part.split('-').length > 2) return undefined
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day)
      if (day === last) break
    }
  }
  return days
}

function minutes(hours = '', rest = ''): number | undefined {
  const total = Number(hours) * 60 + Number(rest)
  return Number(rest) < 60 && total <= DAY_MINUTES ? total : undefined
}

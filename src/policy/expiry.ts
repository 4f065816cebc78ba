/** `expires:` of a rule: from when on it is no longer wanted. */
import type { Position } from '../base/diagnostic.ts'
import type { Findings } from './findings.ts'
import type { ScalarValue, Value } from './value.ts'

/** How long before its end a rule is warned of. */
const HOUR_MS = 60 * 60 * 1000
const NOTICE_MS = 7 * 24 * HOUR_MS

export interface Expiry {
  /** As it was written. */
  readonly text: string
  /** Milliseconds since 1970. */
  readonly instant: number
  readonly at: Position
}

/** Reports a date that there is not. The schema has made sure that it looks like one. */
export function readExpiry(value: Value | undefined, findings: Findings): Expiry | undefined {
  if (value?.kind !== 'scalar' || typeof value.value !== 'string') return undefined
  const { text, at }: ScalarValue = value
  const instant = parseInstant(text)
  if (instant !== undefined) return { text, instant, at }
  const hint = 'write it as 2026-12-31T18:00:00Z, with the offset of another zone as +01:00'
  findings.error('invalid-value', at, `"${text}" is no date and time`, hint)
  return undefined
}

/** Whether the rule is over; says so, or that it soon will be. Without a clock nothing is over. */
export function isExpired(
  expiry: Expiry | undefined,
  now: Date | undefined,
  findings: Findings,
): boolean {
  if (expiry === undefined || now === undefined) return false
  const { text, instant, at } = expiry
  const left = instant - now.getTime()
  if (left <= 0) {
    const message = `the rule expired ${text}: it is left out`
    findings.add('info', { code: 'rule-expired', at, message, hint: 'take it out of the policy' })
    return true
  }
  if (left <= NOTICE_MS) {
    const message = `the rule expires ${text}, in ${inWords(left)}`
    const hint = 'extend it if it is still wanted; it goes with the first run after that'
    findings.add('warning', { code: 'rule-expires-soon', at, message, hint })
  }
  return false
}

/** The last millisecond at which `isExpired` still says what it says now. */
export function sameUntil({ instant }: Expiry, now: Date): number {
  const left = instant - now.getTime()
  if (left <= 0) return Number.MAX_SAFE_INTEGER
  if (left > NOTICE_MS) return instant - NOTICE_MS - 1
  // The notice counts hours.
  return instant - Math.floor(left / HOUR_MS) * HOUR_MS - (left < HOUR_MS ? 1 : 0)
}

const INSTANT =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d)))?$/

/** RFC 3339; a day alone begins at midnight UTC. Undefined for a day that there is not. */
export function parseInstant(text: string): number | undefined {
  const parts = INSTANT.exec(text)
  if (parts === null) return undefined
  const number = (index: number): number => Number(parts[index] ?? 0)
  const [year, month, day, hour, minute] = [1, 2, 3, 4, 5].map(number) as [
    number,
    number,
    number,
    number,
    number,
  ]
  // A leap second is the last of a minute, which to the clock is the first of the next.
  const second = number(6)
  const offset = (number(8) * 60 + number(9)) * (parts[7] === '-' ? -1 : 1)
  if (hour > 23 || minute > 59 || second > 60 || number(8) > 23 || number(9) > 59) return undefined
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined
  return date.getTime() + ((hour * 60 + minute - offset) * 60 + second) * 1000
}

function inWords(ms: number): string {
  const hours = Math.floor(ms / HOUR_MS)
  if (hours < 1) return 'less than an hour'
  const [count, word] = hours < 48 ? [hours, 'hour'] : [Math.floor(hours / 24), 'day']
  return `${count} ${word}${count === 1 ? '' : 's'}`
}

import { FwctlError } from '../base/error.ts'

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** `90s`, `10m`, `2h`, `1d`, `1h30m`; a bare number is seconds. Throws FwctlError `usage`. */
export function parseDuration(text: string, option: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  const parts = [...text.matchAll(/([1-9]\d{0,6})([smhd])/g)]
  if (parts.length > 0 && parts.map(([all]) => all).join('') === text) {
    return parts.reduce(
      (sum, [, count, unit]) => sum + Number(count) * (SECONDS[unit ?? ''] ?? 0),
      0,
    )
  }
  throw new FwctlError('usage', `${option} ${text}: write a time such as 90s, 10m or 1h30m.`)
}

/** Of `--lock-wait`, in milliseconds; 0 is not to wait. Throws FwctlError `usage`. */
export function readLockWait(text = '10'): number {
  return text === '0' ? 0 : parseDuration(text, '--lock-wait') * 1000
}

/** `75` → `1m15s`. */
export function formatDuration(seconds: number): string {
  const units = Object.entries(SECONDS).toReversed()
  let rest = Math.round(seconds)
  let text = ''
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) text += `${count}${unit}`
  }
  return text === '' ? '0s' : text
}

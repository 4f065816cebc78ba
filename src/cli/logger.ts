/**
 * The one place that logs: to stderr, silent unless asked. pino is loaded when it is. Logged are what
 * fwctl runs and how long it takes; never what goes in or comes out, which may hold secrets.
 */

export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug', 'trace'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]
export type LogFormat = 'pretty' | 'json'

type Log = (fields: Readonly<Record<string, unknown>>, message: string) => void

export interface Logger {
  readonly level: LogLevel
  readonly error: Log
  readonly warn: Log
  readonly info: Log
  readonly debug: Log
}

const nothing: Log = () => undefined
const SILENT: Logger = {
  level: 'silent',
  error: nothing,
  warn: nothing,
  info: nothing,
  debug: nothing,
}

export async function openLogger(
  stderr: { readonly write: (text: string) => unknown },
  options: { readonly level: LogLevel; readonly format: LogFormat },
): Promise<Logger> {
  const { level, format } = options
  if (level === 'silent') return SILENT
  // The default export: a bundle of the CommonJS package has no other.
  const { default: pino } = await import('pino')
  const write = (line: string): void => {
    stderr.write(format === 'json' ? line : prettyLine(line))
  }
  const log = pino({ level, base: null }, { write })
  return {
    level,
    error: (fields, message) => log.error(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    info: (fields, message) => log.info(fields, message),
    debug: (fields, message) => log.debug(fields, message),
  }
}

const LEVEL_NAMES: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
}

/** `12:04:05.678 debug ran program=/usr/sbin/iptables-save ms=12` */
function prettyLine(json: string): string {
  const { time, level, msg, ...fields } = JSON.parse(json) as Record<string, unknown>
  const clock = new Date(Number(time)).toISOString().slice(11, 23)
  const rest = Object.entries(fields).map(
    ([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return `${clock} ${LEVEL_NAMES[Number(level)] ?? level} ${msg}${rest.join('')}\n`
}

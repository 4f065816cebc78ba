/**
 * Reads the usual command line from the tables alone: the verb first, long options that it takes, written
 * out, with values that they may have. To load commander, and to tell it of the tables, takes 3 ms, as long
 * as to make a plan. Whatever is not as plain as that, or not right, is left to it.
 */
import type { Options } from './context.ts'
import type { LogFormat, LogLevel } from './logger.ts'
import { GLOBAL_OPTIONS, longFlag, type OptionSpec, SHARED_OPTIONS } from './option-table.ts'
import { VERBS, type Verb } from './verb-table.ts'

/** A verb with what was given to it, checked against the table. */
export interface CommandLine {
  readonly verb: Verb
  readonly args: readonly (string | undefined)[]
  readonly options: Options
  readonly color: boolean
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
}

type Values = Record<string, unknown>

/** Undefined: it is not plain. What it returns is what commander would. */
export function readPlainLine([name, ...words]: readonly string[]): CommandLine | undefined {
  const verb = VERBS.find((one) => one.name === name)
  if (verb === undefined) return undefined
  const specs = specsOf(verb)
  const values: Values = defaultsOf(verb)
  const given: string[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string
    if (!word.startsWith('-') || word === '-') {
      given.push(word)
      continue
    }
    const [flag = '', inline] = splitOnce(word)
    const spec = specs.get(flag)
    if (spec === undefined) return undefined
    if (!takesValue(spec)) {
      if (inline !== undefined) return undefined
      values[keyOf(spec)] = !isNegative(spec)
      continue
    }
    const value = inline ?? words[++at]
    if (value === undefined || !isPlainValue(value, spec)) return undefined
    values[keyOf(spec)] = spec.repeatable
      ? [...(values[keyOf(spec)] as readonly string[]), value]
      : value
  }
  const { color, logLevel, logFormat } = values as unknown as GlobalValues
  const args = verb.arguments.map((_, index) => given[index])
  if (given.length > args.length || !hasArguments(verb, args)) return undefined
  return { verb, args, options: values as unknown as Options, color, logLevel, logFormat }
}

interface GlobalValues {
  readonly color: boolean
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
}

function specsOf({ options, shared, formats }: Verb): ReadonlyMap<string, OptionSpec> {
  const { format } = SHARED_OPTIONS
  const specs = [
    ...GLOBAL_OPTIONS,
    ...options,
    ...shared.map((key) => SHARED_OPTIONS[key]),
    ...(formats === undefined ? [] : [{ ...format, choices: formats }]),
  ]
  return new Map(specs.map((spec) => [longFlag(spec), spec]))
}

function defaultsOf({ options, formats }: Verb): Values {
  const values: Values = {}
  for (const spec of [...options, ...Object.values(SHARED_OPTIONS), ...GLOBAL_OPTIONS]) {
    if (spec.repeatable) values[keyOf(spec)] = []
    else if (isNegative(spec)) values[keyOf(spec)] = true
    else if (spec.preset !== undefined) values[keyOf(spec)] = spec.preset
  }
  return { ...values, format: formats?.[0] ?? 'text' }
}

function takesValue({ flags }: OptionSpec): boolean {
  return flags.includes('<')
}

function isNegative(spec: OptionSpec): boolean {
  return longFlag(spec).startsWith('--no-')
}

/** `stateDir` of `--state-dir <dir>`. */
function keyOf(spec: OptionSpec): string {
  const [, name = ''] = /^--(?:no-)?(.*)$/.exec(longFlag(spec)) ?? []
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

function isPlainValue(value: string, { choices }: OptionSpec): boolean {
  if (value === '' || (value.startsWith('-') && value !== '-')) return false
  return choices?.includes(value) ?? true
}

function hasArguments(verb: Verb, args: readonly (string | undefined)[]): boolean {
  return verb.arguments.every(({ name, choices }, index) => {
    const arg = args[index]
    if (arg === undefined) return !name.startsWith('<')
    return arg !== '' && (choices?.includes(arg) ?? true)
  })
}

function splitOnce(word: string): readonly string[] {
  const at = word.indexOf('=')
  return at < 0 ? [word] : [word.slice(0, at), word.slice(at + 1)]
}

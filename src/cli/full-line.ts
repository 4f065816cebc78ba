import { Argument, Command, CommanderError, Option } from 'commander'
import type { Options } from './context.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'
import type { LogFormat, LogLevel } from './logger.ts'
import {
  GLOBAL_OPTIONS,
  longFlag,
  type OptionSpec,
  SHARED_OPTIONS,
  type SharedOption,
} from './option-table.ts'
import type { CommandLine } from './plain-line.ts'
import { VERBS, type Verb } from './verb-table.ts'

/** Where help and usage errors are written, and how wide. */
export interface HelpOutput {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  readonly columns: number | undefined
}

const EPILOGUE = `
Results go to stdout, messages to stderr.
Exit codes: 0 done, 1 error or findings, 2 changes pending, 3 refused by a safety check,
4 failed and rolled back, 5 rollback incomplete, 64 usage, 70 bug, 75 lock busy, 130 cancelled.`

/** Any command line, with commander, which also knows what to say of it. */
export async function readFullLine(
  argv: readonly string[],
  output: HelpOutput,
): Promise<CommandLine | ExitCode> {
  let called: CommandLine | undefined
  const program = createProgram(possibleVerbs(argv), output, (verb, command) => {
    called = checked(verb, command)
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? EXIT.done : EXIT.usage
  }
  return called ?? EXIT.usage
}

/** The verb alone where it comes first: to declare them all takes longer than to read the line. */
function possibleVerbs([first]: readonly string[]): readonly Verb[] {
  const verb = VERBS.find(({ name }) => name === first)
  return verb === undefined ? VERBS : [verb]
}

function createProgram(
  verbs: readonly Verb[],
  output: HelpOutput,
  call: (verb: Verb, command: Command) => void,
): Command {
  const program = new Command('fwctl')
    .description(
      'Firewall as code: a policy, planned and applied to iptables as one atomic change.',
    )
    .option('-V, --version', 'print the version (alone)')
    .addHelpText('after', EPILOGUE)
    .exitOverride()
    .configureOutput({
      writeOut: output.out,
      writeErr: output.err,
      getOutHelpWidth: () => output.columns ?? 80,
      getErrHelpWidth: () => output.columns ?? 80,
      // The help has none, and commander would have Node make its streams to find out.
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({ showGlobalOptions: true, visibleGlobalOptions })
    .showHelpAfterError('(fwctl --help tells more)')
  for (const spec of GLOBAL_OPTIONS) program.addOption(toOption(spec))
  // On the program too, so that they may stand before the verb; what a verb does not take is
  // refused by `checked`.
  for (const spec of Object.values<OptionSpec>(SHARED_OPTIONS)) {
    program.addOption(toOption(spec).hideHelp())
  }
  for (const verb of verbs) {
    const command = program
      .command(verb.name)
      .description(verb.summary)
      .copyInheritedSettings(program)
    for (const { name, description, choices } of verb.arguments) {
      const argument = new Argument(name, description)
      command.addArgument(choices === undefined ? argument : argument.choices([...choices]))
    }
    for (const spec of verb.options) command.addOption(toOption(spec))
    for (const key of verb.shared) command.addOption(toOption(SHARED_OPTIONS[key]))
    if (verb.formats !== undefined) {
      command.addOption(toOption({ ...SHARED_OPTIONS.format, choices: verb.formats }))
    }
    command.action(() => call(verb, command))
  }
  return program
}

/** In a verb's help: what applies to all verbs. Its own options it lists itself. */
function visibleGlobalOptions(command: Command): Option[] {
  const names = new Set(GLOBAL_OPTIONS.map(longFlag))
  return command.parent?.options.filter((option) => names.has(option.long ?? '')) ?? []
}

function toOption({ flags, description, choices, preset, repeatable }: OptionSpec): Option {
  const option = new Option(flags, description)
  if (choices !== undefined) option.choices([...choices])
  if (preset !== undefined) option.default(preset)
  if (repeatable) {
    option
      .argParser((value: string, before: readonly string[]) => [...before, value])
      .default([], 'none')
  }
  return option
}

function checked(verb: Verb, command: Command): CommandLine {
  const { parent } = command
  for (const [key, spec] of Object.entries<OptionSpec>(SHARED_OPTIONS)) {
    if (parent?.getOptionValueSource(key) !== 'cli') continue
    if (takes(verb, key)) continue
    command.error(`error: ${longFlag(spec)} does not apply to ${verb.name}`)
  }
  const given = command.optsWithGlobals<Options & GlobalValues>()
  const format = parent?.getOptionValueSource('format') === 'cli' ? given.format : verb.formats?.[0]
  if (format !== undefined && !verb.formats?.includes(format)) {
    command.error(
      `error: option '--format <format>' argument '${format}' is invalid. Allowed choices are ${verb.formats?.join(', ')}.`,
    )
  }
  return {
    verb,
    args: command.processedArgs,
    options: { ...given, format: format ?? 'text' },
    color: given.color,
    logLevel: given.logLevel,
    logFormat: given.logFormat,
  }
}

interface GlobalValues {
  readonly color: boolean
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
}

function takes(verb: Verb, key: string): boolean {
  return key === 'format' ? verb.formats !== undefined : verb.shared.includes(key as SharedOption)
}

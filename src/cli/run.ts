import { readCommandLine } from './command-line.ts'
import type { Context, RunInput } from './context.ts'
import type { ExitCode } from './exit-codes.ts'
import { reportFailure } from './failure.ts'
import { readAll } from './files.ts'
import { openLogger } from './logger.ts'
import { VERBS } from './verb-table.ts'

/**
 * Runs one command line to its exit code. All it knows of the world is in its argument, so that
 * tests run it in process.
 */
export async function run(input: RunInput): Promise<ExitCode> {
  const print = (text: string): void => {
    input.stdout.write(text)
  }
  const complain = (text: string): void => {
    input.stderr.write(text)
  }
  const endings: (() => Promise<void>)[] = []
  let stack = false
  let color = true
  try {
    const line = await readCommandLine(input.argv, {
      out: print,
      err: complain,
      columns: input.columns,
    })
    if (typeof line === 'number') return line
    color = line.color
    stack = ['debug', 'trace'].includes(line.logLevel)
    let stdin: Promise<string> | undefined
    const context: Context = {
      get stdin() {
        return input.stdin
      },
      isTTY: input.isTTY,
      columns: input.columns,
      env: input.env,
      cwd: input.cwd,
      uid: input.uid,
      build: input.build,
      ...(input.begun && { begun: input.begun }),
      ...(input.now && { now: input.now }),
      options: line.options,
      verbs: VERBS,
      args: line.args,
      colour: {
        stdout: wantsColour(input, 'stdout', color),
        stderr: wantsColour(input, 'stderr', color),
      },
      log: await openLogger(input.stderr, { level: line.logLevel, format: line.logFormat }),
      print,
      complain,
      note: (text) => {
        if (!line.options.quiet) complain(`${text}\n`)
      },
      stdinText: () => {
        stdin ??= readAll(input.stdin)
        return stdin
      },
      onInterrupt: input.onInterrupt ?? (() => () => undefined),
      atEnd: (work) => endings.push(work),
    }
    const verb = await line.verb.load()
    return await verb(context)
  } catch (error) {
    return reportFailure(error, { complain, stack, colour: wantsColour(input, 'stderr', color) })
  } finally {
    await Promise.allSettled(endings.map((end) => end()))
    for (const { stop } of input.begun ?? []) stop()
  }
}

/** `--no-color`, then FORCE_COLOR, then NO_COLOR, then whether a terminal would show it. */
function wantsColour(
  { env, isTTY }: RunInput,
  stream: 'stdout' | 'stderr',
  allowed: boolean,
): boolean {
  if (!allowed) return false
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '') return env.FORCE_COLOR !== '0'
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false
  return isTTY[stream] && env.TERM !== 'dumb'
}

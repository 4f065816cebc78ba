import type { ExitCode } from './exit-codes.ts'
import type { HelpOutput } from './full-line.ts'
import { type CommandLine, readPlainLine } from './plain-line.ts'

/**
 * Reads a command line. An exit code means that nothing is left to do: help was asked for, or what
 * is wrong has been said.
 */
export async function readCommandLine(
  argv: readonly string[],
  output: HelpOutput,
): Promise<CommandLine | ExitCode> {
  const plain = readPlainLine(argv)
  if (plain !== undefined) return plain
  const { readFullLine } = await import('./full-line.ts')
  return readFullLine(argv, output)
}

/**
 * What ssh is asked to run. It hands one line to the login shell of the user there, so a shell is in
 * between whatever one does. It gets nothing but quoted words: a script that is always the same, and
 * what is to be run as the words of that script.
 */
import { constants } from 'node:os'
import { type Command, FIXED_ENVIRONMENT, type Result } from './executor.ts'

/** A line for a login shell of the POSIX family. */
export function farLine(script: string, words: readonly string[]): string {
  return `exec /bin/sh -c ${[script, 'fwctl', ...words].map(quoteWord).join(' ')}`
}

/** What any shell there has to understand as it is meant; `isWordIntact` is asked before anything is run. */
export const AWKWARD_WORD = `a'b"c $(d) \`e\` \\f !g\nh *`

/**
 * Runs its words with input of a known size, and says at the end of stderr, behind a mark, how that
 * ended: ssh's own status can not tell a program that was killed from a connection that was. Input
 * that is cut short by the end of the connection is not run: half a line may be another command.
 */
const RUN = `
mark=$1 size=$2
shift 2
case $size in
0) "$@" < /dev/null ;;
stream) "$@" ;;
*)
  LC_ALL=C
  export LC_ALL
  text=$(cat; echo .)
  [ "\${#text}" -eq "$((size + 1))" ] || exit 1
  printf %s "\${text%.}" | "$@" ;;
esac
status=$?
echo "$mark $status" >&2`

/** Says under which number it runs, and becomes its words. */
const HOLD = `echo $$; exec "$@"`

/** Becomes its words, and is ended when nobody is there any more. */
const FOLLOW = `
exec 3<&0
{ cat <&3 > /dev/null; kill $$; } 2> /dev/null &
exec "$@" 3<&- < /dev/null`

/** The time that a program has after which it is killed there too: the connection may be gone. */
const MARGIN_SECONDS = 5

export function runLine(
  path: string,
  command: Pick<Command, 'args' | 'env' | 'timeoutMs'>,
  about: { readonly mark: string; readonly size: number | 'stream' },
): string {
  const seconds = Math.ceil(command.timeoutMs / 1000) + MARGIN_SECONDS
  const words = ['timeout', '-s', 'KILL', `${seconds}`, path, ...command.args]
  return farLine(RUN, [about.mark, `${about.size}`, ...environment(command.env), ...words])
}

export function holdLine(path: string, command: Pick<Command, 'args' | 'env'>): string {
  return farLine(HOLD, [...environment(command.env), path, ...command.args])
}

export function followLine(path: string, args: readonly string[]): string {
  return farLine(FOLLOW, [...environment({}), path, ...args])
}

/** What `RUN` says of the end of the program. Undefined: the connection ended before. */
export function readEnd(
  { stdout, stderr }: Pick<Result, 'stdout' | 'stderr'>,
  mark: string,
): Result | undefined {
  const at = stderr.lastIndexOf(mark)
  const status = Number(/^ (\d{1,3})\n$/.exec(stderr.slice(at + mark.length))?.[1] ?? Number.NaN)
  if (at < 0 || Number.isNaN(status)) return undefined
  const output = { stdout, stderr: stderr.slice(0, at) }
  const [signal] = Object.entries(constants.signals).find(([, one]) => one === status - 128) ?? []
  return signal === undefined ? { status, ...output } : { signal, ...output }
}

function environment(env: Command['env']): readonly string[] {
  const all = Object.entries({ ...FIXED_ENVIRONMENT, ...env })
  return ['env', '-i', ...all.map(([name, value]) => `${name}=${value}`)]
}

function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

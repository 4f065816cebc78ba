import type { FamilyTools } from './backend.ts'
import type { Executor } from './executor.ts'

/** How iptables-restore ended. */
export type RestoreOutcome =
  /** `stdout`: what the lines that list rules printed. */
  { readonly kind: 'done'; readonly stdout: string } | RestoreRefusal

export interface RestoreRefusal {
  readonly kind: 'refused'
  /** What the program said, without its name and its advice. */
  readonly message: string
  /** The lines of the input that it names, from 1. On legacy often that of the COMMIT. */
  readonly lines: readonly number[]
  readonly status: number | undefined
  /** It was no longer wanted (`isStillWanted`); nothing was changed. */
  readonly withheld?: true
}

/** 100,000 rules take some 4 s; beside that there is the wait for the xtables lock. */
const RESTORE_TIMEOUT_MS = 120_000
/** iptables 1.8.9 waits for ever without a number, and with 0. */
const LOCK_WAIT_SECONDS = 10

/**
 * Loads a batch: each `*table … COMMIT` block as a whole or not at all, the ones before a refused
 * block stay. It can not be cancelled: the caller decides before or after it, never within.
 *
 * @param isStillWanted Asked when the program stands ready, with nothing but the first COMMIT missing.
 * @param lockFile In place of /run/xtables.lock, which everybody on the host shares.
 */
export async function runRestore(
  executor: Executor,
  tools: FamilyTools,
  input: {
    readonly text: string
    readonly noflush: boolean
    readonly lockFile?: string
    readonly isStillWanted?: () => Promise<boolean>
  },
): Promise<RestoreOutcome> {
  const { text, isStillWanted } = input
  // The program reads and checks the lines before the first COMMIT, and waits for it.
  const start = isStillWanted === undefined ? text.length : text.search(/^COMMIT$/m)
  let isWithheld = false
  const rest = async (): Promise<string> => {
    isWithheld = !(await isStillWanted?.())
    return isWithheld ? '' : text.slice(start)
  }
  const result = await executor.run({
    program: tools.restore,
    args: [...(input.noflush ? ['--noflush'] : []), '--counters', '--wait', `${LOCK_WAIT_SECONDS}`],
    input: text.slice(0, start),
    ...(isStillWanted === undefined ? {} : { rest }),
    timeoutMs: RESTORE_TIMEOUT_MS,
    ...(input.lockFile === undefined ? {} : { env: { XTABLES_LOCKFILE: input.lockFile } }),
  })
  if (isWithheld) {
    const message = 'the rules changed just before the commit'
    return { kind: 'refused', message, lines: [], status: undefined, withheld: true }
  }
  if (result.status === 0) return { kind: 'done', stdout: result.stdout }
  const said = result.signal === undefined ? result.stderr : `killed by ${result.signal}`
  return { kind: 'refused', ...readRefusal(said), status: result.status }
}

/** `line 3: RULE_APPEND failed (Invalid argument)`, `line 4 failed`, `Error occurred at line: 3`. */
export function readRefusal(stderr: string): Pick<RestoreRefusal, 'message' | 'lines'> {
  const lines = [...stderr.matchAll(/^(?:[^\n]*: )?line (\d+)(?::| failed)|at line: (\d+)$/gm)]
  const message = stderr
    .split('\n')
    .map((line) => line.replace(/^ip6?tables\S*( v[\d.]+( \(\w+\))?)?: ?/, '').trim())
    .filter((line) => line !== '' && !line.startsWith('Try `') && !/^Error occurred at/.test(line))
    .join('; ')
  return {
    message: message === '' ? 'iptables-restore failed without a word' : message,
    lines: lines.map(([, named, occurred]) => Number(named ?? occurred)),
  }
}

import type { FamilyTools } from './backend.ts'
import type { Command, Executor, Result } from './executor.ts'

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
  /** As of one that is done, as far as it got. */
  readonly stdout: string
  /** It was no longer wanted (`BegunRestore`); nothing was changed. */
  readonly withheld?: true
}

/** A restore whose program has read its batch, and waits for the first COMMIT. */
export interface BegunRestore {
  /** Asks whether it is still wanted, and goes on if it is. Once. */
  finish(isStillWanted: () => Promise<boolean>): Promise<RestoreOutcome>
  /** Ends it with nothing done, unless it is finished; returns when it has ended. */
  abandon(): Promise<void>
}

interface RestoreInput {
  readonly text: string
  readonly noflush: boolean
  /** In place of /run/xtables.lock, which everybody on the host shares. */
  readonly lockFile?: string
  /**
   * Read after the text, by the same program: it lists what is there by then, and is the last of stdout.
   * Where it fails, the outcome is a refusal, and the text may have been loaded all the same.
   */
  readonly listing?: string
}

/** 100,000 rules take some 4 s; beside that there is the wait for the xtables lock. */
const RESTORE_TIMEOUT_MS = 120_000
/** Of one that is begun while something else has to come to its end. */
const BEGUN_TIMEOUT_MS = 600_000
/** iptables 1.8.9 waits for ever without a number, and with 0. */
const LOCK_WAIT_SECONDS = 10

/**
 * Loads a batch: each `*table … COMMIT` block as a whole or not at all, the ones before a refused
 * block stay. It can not be cancelled: the caller decides before or after it, never within.
 */
export async function runRestore(
  executor: Executor,
  tools: FamilyTools,
  input: RestoreInput,
): Promise<RestoreOutcome> {
  const result = await executor.run({
    ...restoring(tools, input),
    input: `${input.text}${input.listing ?? ''}`,
    timeoutMs: RESTORE_TIMEOUT_MS,
  })
  return outcomeOf(result)
}

/**
 * Begins to load a batch: the program reads and checks the lines before the first COMMIT, and waits for
 * it. On nft it asks the kernel for nothing, and looks up no number, until it has got it; on legacy it
 * works on a copy of the table from the beginning, so the caller has to hold the xtables lock.
 */
export function beginRestore(
  executor: Executor,
  tools: FamilyTools,
  input: RestoreInput,
): BegunRestore {
  const { text, listing = '' } = input
  const start = text.search(/^COMMIT$/m)
  const program = startWaiting(executor, restoring(tools, input), text.slice(0, start))
  return {
    finish: async (isStillWanted) => {
      let isWithheld = false
      const result = await program.finish(async () => {
        isWithheld = !(await isStillWanted())
        return isWithheld ? '' : `${text.slice(start)}${listing}`
      })
      if (!isWithheld) return outcomeOf(result)
      const message = 'the rules changed just before the commit'
      return { kind: 'refused', message, lines: [], status: undefined, stdout: '', withheld: true }
    },
    abandon: program.abandon,
  }
}

/** A restore in a network namespace of its own that waits for all that it is to load. */
export interface BegunRehearsal {
  readonly tools: FamilyTools
  /** It has not been told yet what to load. */
  isFresh(): boolean
  /** While it is fresh. Undefined: there can be no such namespace in this way. */
  load(input: Pick<RestoreInput, 'text' | 'listing'>): Promise<RestoreOutcome | undefined>
  /** Ends it, unless it is loading; returns when it has ended. */
  abandon(): Promise<void>
}

/**
 * Starts a restore that harms nobody, before it is known what it is to load: the namespace is made
 * meanwhile, is empty, and is gone with the program. Neither the rules nor the xtables lock of the host
 * are used.
 */
export function beginRehearsal(executor: Executor, tools: FamilyTools): BegunRehearsal {
  // A file that each process has for itself, and that needs no cleaning up.
  const { program, args, env } = restoring(tools, { noflush: true, lockFile: '/proc/self/comm' })
  const isolated = {
    program: 'unshare',
    args: ['--net', '--', program, ...args],
    ...(env && { env }),
  }
  const waiting = startWaiting(executor, isolated, '')
  let isFresh = true
  return {
    tools,
    isFresh: () => isFresh,
    load: async (input) => {
      isFresh = false
      const running = waiting.finish(async () => `${input.text}${input.listing ?? ''}`)
      // Without the program, or the right to use it, say.
      const result = await running.catch(() => undefined)
      const isMissing = result?.status !== 0 && result?.stderr.startsWith('unshare: ')
      return result === undefined || isMissing ? undefined : outcomeOf(result)
    },
    abandon: waiting.abandon,
  }
}

/** A program that has got the beginning of its input. */
interface WaitingProgram {
  /** Gives it the rest. Once. */
  finish(rest: () => Promise<string>): Promise<Result>
  /** Ends its input, unless it has got the rest; returns when it has ended. */
  abandon(): Promise<void>
}

function startWaiting(
  executor: Executor,
  command: Pick<Command, 'program' | 'args' | 'env'>,
  input: string,
): WaitingProgram {
  let goOn: (rest: () => Promise<string>) => void = () => undefined
  const decision = new Promise<() => Promise<string>>((resolve) => {
    goOn = resolve
  })
  const running = executor.run({
    ...command,
    input,
    rest: async () => (await decision)(),
    timeoutMs: BEGUN_TIMEOUT_MS,
  })
  // Whoever finishes it sees how it ended.
  running.catch(() => undefined)
  return {
    finish: (rest) => {
      goOn(rest)
      return running
    },
    abandon: async () => {
      goOn(async () => '')
      await running.catch(() => undefined)
    },
  }
}

function restoring(
  tools: FamilyTools,
  { noflush, lockFile }: Pick<RestoreInput, 'noflush' | 'lockFile'>,
): Pick<Command, 'program' | 'args' | 'env'> {
  return {
    program: tools.restore,
    args: [...(noflush ? ['--noflush'] : []), '--counters', '--wait', `${LOCK_WAIT_SECONDS}`],
    ...(lockFile === undefined ? {} : { env: { XTABLES_LOCKFILE: lockFile } }),
  }
}

function outcomeOf(result: Result): RestoreOutcome {
  if (result.status === 0) return { kind: 'done', stdout: result.stdout }
  const said = result.signal === undefined ? result.stderr : `killed by ${result.signal}`
  const { status, stdout } = result
  return { kind: 'refused', ...readRefusal(said), status, stdout }
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

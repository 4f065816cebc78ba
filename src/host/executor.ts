import type { HostFiles } from './host-files.ts'

/**
 * The one way to run a program on the host that is being looked after, and to read its files. Where
 * that host is (here, another network namespace, behind ssh) is known to the executor alone; nothing
 * else in host/ spawns a process there. What it can do with files is in host-files.ts.
 */
export interface Executor {
  /** As messages name the target: `this host`, `network namespace web`. */
  readonly label: string
  /** What a person on its machine types before a command to get there; absent: nothing. */
  readonly entry?: readonly string[]
  /** A name, fit for a folder, of the state that belongs to this target; absent: its machine. */
  readonly stateKey?: string
  /** Where the state of this target is kept; absent: on the machine that fwctl runs on. */
  readonly machine?: Machine
  /** The absolute path of a program, looked up in `PROGRAM_DIRECTORIES`, never in the caller's PATH. */
  find(program: string): Promise<string | undefined>
  /** A program's file behind all symbolic links; absent: not possible there. */
  realPath?(path: string): Promise<string | undefined>
  /** What a symbolic link of /proc says, in the namespaces of the target; absent: ask a program. */
  readLink?(path: string): string | undefined
  /** The text of a file, absent when there is none or it can not be read. */
  readFile(path: string): Promise<string | undefined>
  /**
   * Runs a program to its end. A non-zero status is a result, not an error.
   * Throws FwctlError `missing-program`, `command-failed` (time limit, could not start) or `cancelled`.
   */
  run(command: Command): Promise<Result>
  /**
   * Starts a program that copies stdin to stdout (in the end: `cat`) and waits until it does, which
   * shows that whatever was to come before it (a lock, a namespace) is in place. It lives until it is
   * stopped, or until fwctl dies, however that happens: the kernel then closes its stdin. The signal
   * of the command only ends the wait.
   * Throws like `run`, and `command-failed` with `details.status` when it ends instead.
   */
  hold(command: Omit<Command, 'input' | 'rest'>): Promise<HeldProcess>
  /**
   * Starts a program that says something whenever something happens, and calls `onOutput` each time.
   * What it says is thrown away. It is stopped with fwctl at the latest. Absent: not possible there.
   */
  follow?(
    command: Pick<Command, 'program' | 'args'>,
    onOutput: () => void,
  ): Promise<FollowedProcess>
}

/** The machine that a target is on, outside of any namespace: where fwctl keeps the target's state. */
export interface Machine extends Executor {
  readonly files: HostFiles
  /** Whether it is the one that fwctl runs on, as the user that fwctl runs as: fwctl itself is there. */
  readonly isHere: boolean
  /** Who programs run as there. */
  account(): Promise<Account>
  /** Why it can not be reached any more; absent, or undefined: it can. */
  lost?(): string | undefined
}

export interface Account {
  readonly uid: number
  /** HOME, XDG_STATE_HOME and SSH_CONNECTION, as far as they are set. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** The name of the machine. */
  readonly host: string
}

export interface Command {
  /** A name such as `iptables-nft-save`, or an absolute path. */
  readonly program: string
  readonly args: readonly string[]
  readonly input?: string
  /**
   * The rest of its input, asked for once the program has been started. What it throws, `run` throws,
   * after the end of the program, which then has got no more than `input`.
   */
  readonly rest?: () => Promise<string>
  /**
   * Called with what it prints on stdout while it does, whole lines at a time. All of it is in the
   * result too; an executor may keep parts of it, or all, for that.
   */
  readonly onOutput?: (text: string) => void
  /** Milliseconds after which it is killed. */
  readonly timeoutMs: number
  /** Kills it. Leave it out where an interrupted child would leave the host half-done. */
  readonly signal?: AbortSignal | undefined
  /** Added to the fixed environment; nothing is inherited from the caller. */
  readonly env?: Readonly<Record<string, string>>
}

/** Output is text in the sense of `decodeText`: every byte survives. */
export interface Result {
  /** Absent when a signal ended it. */
  readonly status?: number
  readonly signal?: string
  readonly stdout: string
  readonly stderr: string
}

export interface HeldProcess {
  /** On the machine that it runs on. */
  readonly pid: number
  /** What it said before it copied anything. */
  readonly greeting: string
  /** Closes its stdin and waits for its end. */
  stop(): Promise<void>
}

export interface FollowedProcess {
  /** Fulfilled when it has ended, whoever ended it, with what it said last on stderr. */
  readonly ended: Promise<string>
  stop(): void
}

export const PROGRAM_DIRECTORIES: readonly string[] = [
  '/usr/sbin',
  '/sbin',
  '/usr/bin',
  '/bin',
  '/usr/local/sbin',
  '/usr/local/bin',
]

/** What every child gets: messages in English, and no way in for the caller's variables. */
export const FIXED_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: PROGRAM_DIRECTORIES.join(':'),
  LC_ALL: 'C',
}

/** `exit status 2: message`, for error texts. */
export function describeResult(result: Result): string {
  const end = result.signal ? `killed by ${result.signal}` : `exit status ${result.status}`
  const stderr = result.stderr.trim()
  return stderr === '' ? end : `${end}: ${stderr}`
}

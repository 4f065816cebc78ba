import type { Readable } from 'node:stream'
import type { BackendChoice } from '../host/backend.ts'
import type { BegunRun } from '../host/begun-run.ts'
import type { Family } from '../ruleset/model.ts'
import type { Logger } from './logger.ts'
import type { VerbSpec } from './verb.ts'

/** Where text goes. */
export interface Output {
  readonly write: (text: string) => unknown
}

/** Everything that a run sees of the world around it. */
export interface RunInput {
  /** Without node and the script. */
  readonly argv: readonly string[]
  readonly stdin: Readable
  readonly stdout: Output
  readonly stderr: Output
  readonly env: Readonly<Record<string, string | undefined>>
  readonly isTTY: Readonly<Record<'stdin' | 'stdout' | 'stderr', boolean>>
  /** Of the terminal; absent: lines are not broken. */
  readonly columns?: number | undefined
  readonly cwd: string
  readonly uid: number
  /** Another one for each build of fwctl: what it keeps for itself is for this one alone. */
  readonly build?: string | undefined
  /** Programs that run already, to be taken for those that will be asked for. */
  readonly begun?: readonly BegunRun[]
  /** The clock; absent: the real one. */
  readonly now?: () => Date
  /** Calls the listener at each Ctrl-C, until what it returns is called. Absent: never. */
  readonly onInterrupt?: (listener: () => void) => () => void
}

/** What was given on the command line, for all verbs together; each takes a part of it. */
export interface Options {
  readonly live4?: string
  readonly live6?: string
  readonly liveSets?: string
  readonly backend: BackendChoice
  readonly host?: string
  readonly sshConfig?: string
  readonly sudo?: boolean
  readonly netns?: string
  readonly container?: string
  readonly stateDir?: string
  readonly values: readonly string[]
  readonly var: readonly string[]
  readonly for?: string
  readonly cache?: boolean
  readonly family?: Family
  readonly format: string
  readonly quiet: boolean
  readonly out?: string
  readonly detailedExitcode?: boolean
  readonly kernel?: boolean
  readonly sets?: boolean
  readonly prune?: boolean
  readonly applied?: string
  readonly rehearse?: boolean | string
  readonly autoApprove?: boolean
  readonly reason?: string
  readonly lockWait?: string
  readonly root?: string
  readonly unitDir?: string
  readonly policy?: string
  readonly command?: string
  readonly watch?: boolean
  readonly allow?: readonly string[]
  readonly all?: boolean
  readonly once?: boolean
  readonly pauseFile?: string
  readonly length?: string
  readonly window?: readonly string[]
  readonly maintenance?: readonly string[]
  readonly fightLimit?: string
  readonly fightWindow?: string
  readonly confirmWithin?: string
  readonly confirmProbe?: readonly string[]
  readonly check?: boolean
  readonly write?: boolean
  readonly keep?: string
  readonly before?: string
}

/** What a verb works with. */
export interface Context
  extends Pick<RunInput, 'stdin' | 'isTTY' | 'env' | 'cwd' | 'uid' | 'build' | 'begun' | 'now'> {
  /** All of stdin, lossless (`decodeText`); the same text each time. */
  readonly stdinText: () => Promise<string>
  readonly options: Options
  /** All verbs that there are. */
  readonly verbs: readonly VerbSpec[]
  /** The arguments after the verb; each may be missing where the command table says so. */
  readonly args: readonly (string | undefined)[]
  /** Width for text on stdout; absent: lines are not broken. */
  readonly columns?: number | undefined
  readonly colour: Readonly<Record<'stdout' | 'stderr', boolean>>
  readonly log: Logger
  /** A result, for stdout. */
  readonly print: (text: string) => void
  /** A line for stderr that `--quiet` silences. */
  readonly note: (line: string) => void
  /** Text for stderr that is always shown. */
  readonly complain: (text: string) => void
  readonly onInterrupt: (listener: () => void) => () => void
  /** Has this done at the end of the run, however it ends. */
  readonly atEnd: (work: () => Promise<void>) => void
}

import { randomBytes } from 'node:crypto'
import { FwctlError } from '../base/error.ts'
import {
  type Command,
  type HeldProcess,
  type Machine,
  PROGRAM_DIRECTORIES,
  type Result,
} from './executor.ts'
import { followLine, holdLine, readEnd, runLine } from './far-script.ts'
import { localExecutor } from './local-executor.ts'
import { encodeText } from './lossless-text.ts'
import { shellFiles } from './shell-files.ts'
import {
  connectionLost,
  connectSsh,
  type SshConnection,
  type SshOptions,
} from './ssh-connection.ts'
import type { SshTarget } from './ssh-target.ts'

/** A machine behind ssh. Nothing of fwctl has to be there, and no Node: sh, coreutils, util-linux. */
export interface SshMachine extends Machine, AsyncDisposable {
  /** Ends the connection; what is still running there is ended with it. */
  close(): Promise<void>
}

/** sshd allows ten sessions (MaxSessions) on one connection; one is taken for its length. */
const MAX_SESSIONS = 8
/** The program is ended there, and that has to arrive here. */
const NETWORK_MARGIN_MS = 10_000

/** Connects. Throws FwctlError `usage`, `missing-program`, `connection-lost` or `refused`. */
export async function sshMachine(target: SshTarget, options: SshOptions = {}): Promise<SshMachine> {
  const connection = await connectSsh(target, options)
  const local = localExecutor()
  const slot = newSlots(MAX_SESSIONS)
  const found = new Map(connection.programs)

  const find: Machine['find'] = async (program) => {
    if (!found.has(program)) {
      const places = PROGRAM_DIRECTORIES.map((directory) => `${directory}/${program}`)
      const script = 'for path; do [ -x "$path" ] && echo "$path" && break; done; exit 0'
      const args = ['-c', script, 'fwctl', ...places]
      const { stdout } = await run({ program: '/bin/sh', args, timeoutMs: 10_000 })
      found.set(program, stdout.trim() || undefined)
    }
    return found.get(program)
  }
  const locate = async ({ program, signal }: Pick<Command, 'program' | 'signal'>) => {
    requireConnection(connection, program)
    if (signal?.aborted) throw new FwctlError('cancelled', `Cancelled before ${program} was run.`)
    const path = program.startsWith('/') ? program : await find(program)
    if (path !== undefined) return path
    throw new FwctlError('missing-program', `${program} is not installed on ${connection.name}.`, {
      details: { program },
    })
  }
  const ssh = (line: string): Pick<Command, 'program' | 'args'> => ({
    program: connection.client,
    args: [...connection.args, line],
  })

  async function run(command: Command): Promise<Result> {
    const path = await locate(command)
    const mark = `fwctl-${randomBytes(8).toString('hex')}`
    const started = performance.now()
    const size = command.rest ? 'stream' : encodeText(command.input ?? '').length
    const { env: _, ...rest } = command
    const said = await slot(() =>
      local.run({
        ...rest,
        ...ssh(runLine(path, command, { mark, size })),
        timeoutMs: command.timeoutMs + NETWORK_MARGIN_MS,
      }),
    )
    const result = readEnd(said, mark)
    if (result === undefined) throw await failedSession(connection, said, command.program)
    const isOverdue = performance.now() - started >= command.timeoutMs
    if (result.signal !== 'SIGKILL' || !isOverdue) return result
    throw new FwctlError(
      'command-failed',
      `${command.program} was stopped after ${command.timeoutMs / 1000} s on ${connection.name}.`,
      { details: { program: path, args: command.args } },
    )
  }

  async function hold(command: Parameters<Machine['hold']>[0]): Promise<HeldProcess> {
    const path = await locate(command)
    const leave = await slot.take()
    try {
      const { env: _, ...rest } = command
      const held = await local.hold({
        ...rest,
        ...ssh(holdLine(path, command)),
        timeoutMs: command.timeoutMs + NETWORK_MARGIN_MS,
      })
      const [, pid = '', greeting = ''] = /^(\d+)\n([\s\S]*)$/.exec(held.greeting) ?? []
      const stop = async (): Promise<void> => {
        await held.stop()
        leave()
      }
      return { pid: Number(pid), greeting, stop }
    } catch (error) {
      leave()
      throw heldFailure(error, connection, command)
    }
  }

  const machine: Omit<SshMachine, 'files'> = {
    label: connection.name,
    isHere: false,
    account: async () => connection.account,
    lost: connection.lost,
    find,
    readFile: async (path) => {
      const result = await run({ program: 'cat', args: ['--', path], timeoutMs: 30_000 })
      return result.status === 0 ? result.stdout : undefined
    },
    run,
    hold,
    follow: async (command, onOutput) => {
      const path = await locate(command)
      if (local.follow === undefined) throw new Error('this host can not follow')
      return local.follow(ssh(followLine(path, command.args)), onOutput)
    },
    close: connection.close,
    [Symbol.asyncDispose]: connection.close,
  }
  const whole: SshMachine = {
    ...machine,
    files: shellFiles(machine),
    get machine(): Machine {
      return whole
    },
  }
  return whole
}

function requireConnection(connection: SshConnection, program: string): void {
  if (connection.lost() !== undefined) throw connectionLost(connection, `${program} was to be run`)
}

/** A session that ended without the mark: the connection went, or there was none. */
async function failedSession(
  connection: SshConnection,
  { stderr }: Result,
  program: string,
): Promise<FwctlError> {
  if (/session open refused|open failed: administratively/i.test(stderr)) return tooFew(connection)
  // Whatever it was: the locks that were held may be gone, so nothing more is done over it.
  await connection.close()
  return connectionLost(connection, `${program} was running`)
}

function heldFailure(
  error: unknown,
  connection: SshConnection,
  { program, args }: Pick<Command, 'program' | 'args'>,
): unknown {
  if (!(error instanceof FwctlError) || error.code !== 'command-failed') return error
  const { status, stderr } = error.details
  if (status !== 255) {
    const details = { ...error.details, program, args }
    const said = typeof stderr === 'string' && stderr !== '' ? stderr : `exit status ${status}`
    const message = `${program} did not start on ${connection.name}: ${said}.`
    return new FwctlError('command-failed', message, { cause: error, details })
  }
  if (/session open refused/i.test(`${stderr}`)) return tooFew(connection)
  return connectionLost(connection, `${program} was started`)
}

function tooFew({ name }: SshConnection): FwctlError {
  return new FwctlError(
    'refused',
    `sshd on ${name} allows too few sessions on one connection (MaxSessions in sshd_config); fwctl needs ` +
      `${MAX_SESSIONS + 1}.`,
  )
}

interface Slots {
  <T>(work: () => Promise<T>): Promise<T>
  /** Waits for a slot; what it returns gives it back. */
  take(): Promise<() => void>
}

/** No more than so many at a time. */
function newSlots(count: number): Slots {
  let free = count
  const waiting: (() => void)[] = []
  const take = async (): Promise<() => void> => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve))
    else free--
    return () => {
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
  const slots = async <T>(work: () => Promise<T>): Promise<T> => {
    const leave = await take()
    try {
      return await work()
    } finally {
      leave()
    }
  }
  return Object.assign(slots, { take })
}

import { accessSync, constants, realpathSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { isMainThread } from 'node:worker_threads'
import { execa } from 'execa'
import { FwctlError } from '../base/error.ts'
import {
  type Command,
  type Executor,
  FIXED_ENVIRONMENT,
  type FollowedProcess,
  type HeldProcess,
  PROGRAM_DIRECTORIES,
  type Result,
} from './executor.ts'
import { decodeText, encodeText } from './lossless-text.ts'

/** A dump of 100,000 rules is about 10 MB; a child that says more than this has gone wrong. */
const OUTPUT_LIMIT_BYTES = 512 * 1024 * 1024

/** Runs programs on this host, in fwctl's own network namespace. */
export function localExecutor(): Executor {
  const found = new Map<string, Promise<string | undefined>>()
  const find = (program: string): Promise<string | undefined> => {
    const path = found.get(program) ?? findProgram(program)
    found.set(program, path)
    return path
  }
  return {
    label: 'this host',
    find,
    realPath: async (path) => {
      try {
        return realpathSync(path)
      } catch {
        return undefined
      }
    },
    readFile: async (path) => {
      try {
        return decodeText(await readFile(path))
      } catch {
        return undefined
      }
    },
    run: async (command) => runToEnd(await resolve(find, command), command),
    hold: async (command) => holdOpen(await resolve(find, command), command),
    follow: async (command, onOutput) =>
      followOutput(await resolve(find, command), command.args, onOutput),
  }
}

async function findProgram(program: string): Promise<string | undefined> {
  for (const directory of PROGRAM_DIRECTORIES) {
    const path = join(directory, program)
    try {
      // A handful of system calls: handing each to another thread takes longer.
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // not in this one
    }
  }
  return undefined
}

async function resolve(
  find: (program: string) => Promise<string | undefined>,
  command: Pick<Command, 'program' | 'signal'>,
): Promise<string> {
  if (command.signal?.aborted) throw cancelled(command.program)
  if (command.program.startsWith('/')) return command.program
  const path = await find(command.program)
  if (path !== undefined) return path
  throw new FwctlError(
    'missing-program',
    `${command.program} is not installed (looked in ${PROGRAM_DIRECTORIES.join(', ')}).`,
    { details: { program: command.program } },
  )
}

async function runToEnd(path: string, command: Command): Promise<Result> {
  const { rest } = command
  const child = privately(() =>
    execa(path, command.args, {
      ...spawnOptions(command),
      timeout: command.timeoutMs,
      ...(rest === undefined
        ? { input: encodeText(command.input ?? '') }
        : { stdin: 'pipe' as const }),
      ...(command.signal ? { cancelSignal: command.signal } : {}),
    }),
  )
  const [result] = await Promise.all([child, rest && feed(child.stdin, command.input ?? '', rest)])
  if (result.isCanceled) throw cancelled(command.program)
  const output = { stdout: decodeText(result.stdout), stderr: decodeText(result.stderr) }
  if (result.exitCode !== undefined && !result.timedOut && !result.isMaxBuffer) {
    return { status: result.exitCode, ...output }
  }
  if (result.signal !== undefined && !result.timedOut && !result.isMaxBuffer) {
    return { signal: result.signal, ...output }
  }
  const what = result.timedOut
    ? `was stopped after ${command.timeoutMs / 1000} s`
    : result.isMaxBuffer
      ? 'printed too much and was stopped'
      : `could not be run: ${result.shortMessage ?? 'unknown reason'}`
  throw new FwctlError('command-failed', `${command.program} ${what}.`, {
    cause: result.cause,
    details: { program: path, args: command.args, ...output },
  })
}

async function feed(
  stdin: Writable | null,
  input: string,
  rest: () => Promise<string>,
): Promise<void> {
  stdin?.on('error', () => {
    // It ended before it read all of it: its exit says why.
  })
  stdin?.write(encodeText(input))
  try {
    stdin?.write(encodeText(await rest()))
  } finally {
    stdin?.end()
  }
}

async function holdOpen(path: string, command: Omit<Command, 'input'>): Promise<HeldProcess> {
  // What it holds once it has started, such as a lock, is still needed while a cancelled apply undoes
  // what it did: from then on only stop() ends it.
  const start = new AbortController()
  const cancel = () => start.abort()
  command.signal?.addEventListener('abort', cancel)
  const child = privately(() =>
    execa(path, command.args, {
      ...spawnOptions(command),
      stdin: 'pipe',
      cancelSignal: start.signal,
    }),
  )
  child.stdin.on('error', () => {
    // It ended before it read: its exit, seen below, says why.
  })
  child.stdin.write(READY)
  const timer = setTimeout(() => child.kill('SIGKILL'), command.timeoutMs)
  const said = saidBefore(child.stdout)
  const result = await Promise.race([said.then(() => undefined), child])
  clearTimeout(timer)
  command.signal?.removeEventListener('abort', cancel)
  if (result?.isCanceled) throw cancelled(command.program)
  if (result !== undefined || child.pid === undefined) {
    const stderr = result ? decodeText(result.stderr).trim() : ''
    throw new FwctlError(
      'command-failed',
      `${command.program} did not start: ${stderr || result?.shortMessage || 'it ended at once'}.`,
      { details: { program: path, args: command.args, status: result?.exitCode, stderr } },
    )
  }
  return {
    pid: child.pid,
    greeting: await said,
    stop: async () => {
      child.stdin.end()
      await child
    },
  }
}

const READY = 'ready\n'

/** What comes out before what went in does. */
function saidBefore(stdout: Readable): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    stdout.on('data', (bytes: Buffer) => {
      text += decodeText(bytes)
      if (text.endsWith(READY)) resolve(text.slice(0, -READY.length))
    })
  })
}

function followOutput(
  path: string,
  args: readonly string[],
  onOutput: () => void,
): FollowedProcess {
  const child = execa(path, args, {
    ...spawnOptions({}),
    // It changes nothing: Ctrl-C may well end it together with fwctl.
    detached: false,
    // Nothing goes in; that it stays open tells what runs far away that we are there.
    stdin: 'pipe',
    buffer: false,
  })
  child.stdout.on('data', onOutput)
  let said = ''
  child.stderr.on('data', (bytes: Buffer) => {
    said = `${said}${decodeText(bytes)}`.slice(-1000)
  })
  return { ended: child.then(() => said.trim()), stop: () => child.kill('SIGTERM') }
}

/**
 * What a child creates (flock a lock file, say) is nobody else's business. Spawning is synchronous, so
 * nothing of fwctl's own sees this umask. Worker threads may not set one; they keep the caller's.
 */
function privately<T>(spawn: () => T): T {
  if (!isMainThread) return spawn()
  const before = process.umask(0o077)
  try {
    return spawn()
  } finally {
    process.umask(before)
  }
}

function cancelled(program: string): FwctlError {
  return new FwctlError(
    'cancelled',
    `Cancelled while running ${program}; nothing was changed by it.`,
  )
}

function spawnOptions(command: Pick<Command, 'env'>): {
  readonly env: Record<string, string>
  readonly extendEnv: false
  readonly encoding: 'buffer'
  readonly reject: false
  readonly stripFinalNewline: false
  readonly maxBuffer: number
  readonly cwd: string
  readonly detached: true
} {
  return {
    env: { ...FIXED_ENVIRONMENT, ...command.env },
    extendEnv: false,
    encoding: 'buffer',
    reject: false,
    stripFinalNewline: false,
    maxBuffer: OUTPUT_LIMIT_BYTES,
    cwd: '/',
    // In a session of its own, a child does not get the terminal's Ctrl-C: only fwctl decides whether
    // it is stopped. A restore that is under way has to come to its end.
    detached: true,
  }
}

/**
 * Runs a program of this machine to its end. Node's own `spawn` and nothing around it: every plan runs
 * three programs, and execa, which runs the ones that stay, takes as long to load and to start one as
 * iptables-save takes for 1,000 rules.
 */
import type { ChildProcess } from 'node:child_process'
import type { Writable } from 'node:stream'
import { FwctlError } from '../base/error.ts'
import type { Command, Result } from './executor.ts'
import { decodeText, encodeText } from './lossless-text.ts'
import { spawnPrivately } from './spawn.ts'

/** A dump of 100,000 rules is about 10 MB; a child that says more than this has gone wrong. */
const OUTPUT_LIMIT_BYTES = 512 * 1024 * 1024

/** What does not heed SIGTERM in this time is killed. */
const GRACE_MS = 5000

/** Why it was stopped. */
type Stop = 'cancelled' | 'late' | 'loud'

interface End {
  readonly status: number | null
  readonly signal: string | null
  readonly output: { readonly stdout: string; readonly stderr: string }
  readonly stopped: Stop | undefined
}

export interface StartedProgram {
  /** Rejects like `Executor.run`. */
  readonly result: Promise<Result>
  /** Ends it; the result is then that it was cancelled. */
  readonly stop: () => void
}

/** Throws like `Executor.run`, but for a program that is not there. */
export async function runProgram(path: string, command: Command): Promise<Result> {
  const { result, stop } = startProgram(path, command)
  command.signal?.addEventListener('abort', stop)
  try {
    return await result
  } finally {
    command.signal?.removeEventListener('abort', stop)
  }
}

/**
 * Does not heed the signal of the command.
 *
 * @param stderr `ignore`: what it complains of is not kept. A pipe costs as much as a third of the start.
 */
export function startProgram(
  path: string,
  command: Command,
  stderr: 'pipe' | 'ignore' = 'pipe',
): StartedProgram {
  const { program, args, timeoutMs } = command
  const { end, stop } = start(path, command, stderr)
  const result = end.then(({ status, signal, output, stopped }): Result => {
    const failed = (what: string): FwctlError => {
      const details = { program: path, args, ...output }
      return new FwctlError('command-failed', `${program} ${what}.`, { details })
    }
    if (stopped === 'cancelled') throw cancelledRun(program)
    if (stopped === 'late') throw failed(`was stopped after ${timeoutMs / 1000} s`)
    if (stopped === 'loud') throw failed('printed too much and was stopped')
    if (status !== null) return { status, ...output }
    return { signal: signal ?? 'unknown', ...output }
  })
  return { result, stop: () => stop('cancelled') }
}

export function cancelledRun(program: string): FwctlError {
  return new FwctlError(
    'cancelled',
    `Cancelled while running ${program}; nothing was changed by it.`,
  )
}

function start(
  path: string,
  command: Command,
  stderr: 'pipe' | 'ignore',
): { readonly end: Promise<End>; readonly stop: (why: Stop) => void } {
  const { input = '', rest } = command
  const isFed = input !== '' || rest !== undefined
  const child = spawn(path, command, { stdin: isFed ? 'pipe' : 'ignore', stderr })
  let stopped: Stop | undefined
  let killing: NodeJS.Timeout | undefined
  let isOver = false
  const stop = (why: Stop): void => {
    if (isOver) return
    stopped ??= why
    child.kill('SIGTERM')
    killing ??= setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
  }
  const tooMuch = (): void => stop('loud')
  const timer = setTimeout(() => stop('late'), command.timeoutMs)
  const ended = new Promise<Pick<End, 'status' | 'signal'>>((resolve, reject) => {
    child.once('error', (cause) => reject(notStarted(path, command, cause)))
    child.once('close', (status, killer) => resolve({ status, signal: killer }))
  })
  const stdout = collect(child.stdout, { tooMuch, onLines: command.onOutput })
  const errors = collect(child.stderr, { tooMuch })
  const feeding = isFed ? feed(child.stdin, input, rest) : undefined
  const end = Promise.all([ended, feeding])
    .then(([how]): End => ({ ...how, output: { stdout: stdout(), stderr: errors() }, stopped }))
    .finally(() => {
      isOver = true
      clearTimeout(timer)
      clearTimeout(killing)
    })
  return { end, stop }
}

function spawn(
  path: string,
  command: Command,
  stdio: Parameters<typeof spawnPrivately>[2],
): ChildProcess {
  try {
    return spawnPrivately(path, command, stdio)
  } catch (cause) {
    // An argument with a NUL byte, say.
    throw notStarted(path, command, cause)
  }
}

function notStarted(path: string, { program, args }: Command, cause: unknown): FwctlError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new FwctlError('command-failed', `${program} could not be run: ${why}.`, {
    cause,
    details: { program: path, args },
  })
}

/** Returns what gives the text, once the stream has ended. */
function collect(
  stream: NodeJS.ReadableStream | null,
  { tooMuch, onLines }: { tooMuch: () => void; onLines?: ((text: string) => void) | undefined },
): () => string {
  const chunks: Buffer[] = []
  let bytes = 0
  const tell = onLines && byLines(onLines)
  stream?.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > OUTPUT_LIMIT_BYTES) return tooMuch()
    chunks.push(chunk)
    tell?.(chunk)
  })
  return () => decodeText(Buffer.concat(chunks))
}

/** A newline is no part of any other character: up to it, bytes can be read as text. */
function byLines(onLines: (text: string) => void): (chunk: Buffer) => void {
  let begun: Buffer[] = []
  return (chunk) => {
    const end = chunk.lastIndexOf(0x0a) + 1
    if (end === 0) {
      begun.push(chunk)
      return
    }
    const lines = chunk.subarray(0, end)
    onLines(decodeText(begun.length === 0 ? lines : Buffer.concat([...begun, lines])))
    begun = end === chunk.length ? [] : [chunk.subarray(end)]
  }
}

async function feed(
  stdin: Writable | null,
  input: string,
  rest: (() => Promise<string>) | undefined,
): Promise<void> {
  stdin?.on('error', () => {
    // It ended before it read all of it: its exit says why.
  })
  if (input !== '') stdin?.write(encodeText(input))
  try {
    if (rest !== undefined) stdin?.write(encodeText(await rest()))
  } finally {
    stdin?.end()
  }
}

import { FwctlError } from '../base/error.ts'
import type { Command, HeldProcess } from './executor.ts'
import { decodeText } from './lossless-text.ts'
import { cancelledRun } from './run-program.ts'
import { spawnPrivately } from './spawn.ts'

const READY = 'ready\n'

/** Throws like `Executor.hold`, but for a program that is not there. */
export async function holdProgram(
  path: string,
  command: Omit<Command, 'input' | 'rest'>,
): Promise<HeldProcess> {
  const child = spawnPrivately(path, command, { stdin: 'pipe' })
  let isCancelled = false
  // What it holds once it has started, such as a lock, is still needed while a cancelled apply undoes
  // what it did: from then on only stop() ends it.
  const cancel = (): void => {
    isCancelled = true
    child.kill('SIGTERM')
    child.stdin?.end()
  }
  command.signal?.addEventListener('abort', cancel)
  const timer = setTimeout(() => {
    child.kill('SIGKILL')
    // What it has started in turn ends with its stdin.
    child.stdin?.end()
  }, command.timeoutMs)
  let stderr = ''
  child.stderr?.on('data', (bytes: Buffer) => {
    stderr += decodeText(bytes)
  })
  const ended = new Promise<{ readonly status: number | null; readonly cause?: Error }>(
    (resolve) => {
      child.once('error', (cause) => resolve({ status: null, cause }))
      child.once('close', (status) => resolve({ status }))
    },
  )
  child.stdin?.on('error', () => {
    // It ended before it read: its exit, seen below, says why.
  })
  child.stdin?.write(READY)
  const said = saidBefore(child.stdout)
  const early = await Promise.race([said.then(() => undefined), ended])
  clearTimeout(timer)
  command.signal?.removeEventListener('abort', cancel)
  if (isCancelled) throw cancelledRun(command.program)
  if (early !== undefined || child.pid === undefined) {
    const why = stderr.trim() || early?.cause?.message || 'it ended at once'
    throw new FwctlError('command-failed', `${command.program} did not start: ${why}.`, {
      ...(early?.cause && { cause: early.cause }),
      details: {
        program: path,
        args: command.args,
        status: early?.status ?? undefined,
        stderr: stderr.trim(),
      },
    })
  }
  return {
    pid: child.pid,
    greeting: await said,
    stop: async () => {
      child.stdin?.end()
      await ended
    },
  }
}

/** What comes out before what went in does. */
function saidBefore(stdout: NodeJS.ReadableStream | null): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    stdout?.on('data', (bytes: Buffer) => {
      text += decodeText(bytes)
      if (text.endsWith(READY)) resolve(text.slice(0, -READY.length))
    })
  })
}

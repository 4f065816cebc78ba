/**
 * Programs that were started before it was known that they are needed. Most of a plan is waiting for
 * iptables-save, and it can run while the rest of fwctl is still being loaded.
 */
import { FwctlError } from '../base/error.ts'
import type { Command, Executor, Result } from './executor.ts'
import { findProgram } from './find-program.ts'
import { cancelledRun, startProgram } from './run-program.ts'

export interface BegunRun {
  /** As it will be asked for. */
  readonly program: string
  readonly args: readonly string[]
  readonly result: Promise<Result>
  readonly arriving: Arriving
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  /** Nobody will be given it any more. */
  readonly isDropped: () => boolean
  /** Ends it, and drops it. */
  readonly stop: () => void
}

/** The output of a program while it comes in. Nothing is lost while nobody is there to take it. */
export interface Arriving {
  readonly add: (text: string) => void
  /** Hands over what has come, and then what comes. */
  readonly to: (reader: (text: string) => void) => void
}

/**
 * On this machine, as `localExecutor` would; undefined where there is no such program. What it complains of
 * is not kept: should it fail, whoever asks for it is told by another run.
 */
export function beginRun(
  command: Pick<Command, 'program' | 'args' | 'timeoutMs'>,
): BegunRun | undefined {
  const { program, args } = command
  const path = program.startsWith('/') ? program : findProgram(program)
  if (path === undefined) return undefined
  const arriving = newArriving()
  const startedAt = Date.now()
  const { result, stop } = startProgram(path, { ...command, onOutput: arriving.add }, 'ignore')
  // Whoever takes it up sees how it ended.
  result.catch(() => undefined)
  let isDropped = false
  return {
    program,
    args,
    result,
    arriving,
    startedAt,
    isDropped: () => isDropped,
    stop: () => {
      isDropped = true
      stop()
    },
  }
}

/** Takes a run that was begun for the one that is asked for, once. */
export function takingUp<E extends Executor>(executor: E, begun: readonly BegunRun[]): E {
  const left = [...begun]
  return {
    ...executor,
    run: async (command) => {
      const index = left.findIndex((one) => isSame(one, command))
      const [one] = index < 0 ? [] : left.splice(index, 1)
      if (one === undefined) return executor.run(command)
      const taken = await takeUp(one, command)
      if (taken.status === 0) return taken
      // What it has printed may have been read: it stays a failure, whatever this one is.
      const { onOutput: _, ...again } = command
      const said = await executor.run(again)
      return said.status === 0 ? taken : said
    },
  }
}

function isSame({ program, args, isDropped }: BegunRun, asked: Command): boolean {
  if (
    isDropped() ||
    asked.input !== undefined ||
    asked.rest !== undefined ||
    asked.env !== undefined
  )
    return false
  return program === asked.program && args.join('\0') === asked.args.join('\0')
}

async function takeUp(begun: BegunRun, { program, signal, onOutput }: Command): Promise<Result> {
  if (signal?.aborted) begun.stop()
  if (onOutput) begun.arriving.to(onOutput)
  signal?.addEventListener('abort', begun.stop)
  try {
    return await begun.result
  } catch (cause) {
    // It may come from another bundle, whose classes are others.
    if (signal?.aborted) throw cancelledRun(program)
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new FwctlError('command-failed', message, { cause })
  } finally {
    signal?.removeEventListener('abort', begun.stop)
  }
}

export function newArriving(): Arriving {
  const waiting: string[] = []
  let reader: ((text: string) => void) | undefined
  return {
    add: (text) => {
      if (reader === undefined) waiting.push(text)
      else reader(text)
    },
    to: (taker) => {
      reader = taker
      for (const text of waiting.splice(0)) taker(text)
    },
  }
}

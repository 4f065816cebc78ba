/**
 * Counts what a process does to the system, and makes one of these effects go wrong: changes of files
 * (by patching Node's own functions, so that fwctl is run as it is) and programs (by an executor).
 */
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import type { Command, Executor, Result } from '../../src/host/executor.ts'
import type { Fault } from './fault.ts'

export interface Effects {
  readonly steps: () => number
  readonly wrap: (executor: Executor) => Executor
}

/** Patches the file functions of this process. `folder`: only files below it count. */
export function injectFault(fault: Fault, folder: string): Effects {
  let steps = 0
  const die = (): Promise<never> => {
    process.kill(process.pid, 'SIGKILL')
    return new Promise(() => undefined)
  }

  /** One effect: `work` is all of it, `half` an unfinished beginning. */
  async function effect<T>(work: () => Promise<T>, half: () => Promise<unknown>): Promise<T> {
    const step = ++steps
    const isHere = fault.kind === 'kill' && fault.step === step
    if (isHere && fault.when === 'before') return die()
    if (isHere && fault.when === 'within') {
      await half()
      return die()
    }
    const result = await work()
    if (isHere) return die()
    return result
  }

  /** An effect on a file: it may fail. */
  function fileEffect<T>(
    path: string,
    work: () => Promise<T>,
    half: () => Promise<unknown> = async () => undefined,
  ): Promise<T> {
    if (!path.startsWith(folder)) return work()
    return effect(async () => {
      if (fault.kind === 'disk' && (fault.once ? steps === fault.step : steps >= fault.step)) {
        throw Object.assign(new Error(`${fault.code}: injected, '${path}'`), {
          code: fault.code,
          syscall: 'write',
          path,
        })
      }
      return work()
    }, half)
  }

  patchFiles(fileEffect)
  return { steps: () => steps, wrap: (executor) => faultyExecutor(executor, fault, effect) }
}

type FileEffect = <T>(
  path: string,
  work: () => Promise<T>,
  half?: () => Promise<unknown>,
) => Promise<T>

function patchFiles(fileEffect: FileEffect): void {
  const { open, rename, unlink, mkdir } = fs
  fs.open = async (path, flags, mode) => {
    const writes = typeof flags === 'string' && flags !== 'r'
    const file = await (writes
      ? fileEffect(String(path), () => open(path, flags, mode))
      : open(path, flags, mode))
    if (!writes) return file
    const writeFile = file.writeFile.bind(file)
    const sync = file.sync.bind(file)
    file.writeFile = (data) =>
      fileEffect(
        String(path),
        () => writeFile(data),
        () =>
          writeFile(Buffer.from(data as Uint8Array).subarray(0, (data as Uint8Array).length / 2)),
      )
    file.sync = () => fileEffect(String(path), sync)
    return file
  }
  fs.rename = (from, to) => fileEffect(String(from), () => rename(from, to))
  fs.unlink = (path) => fileEffect(String(path), () => unlink(path))
  fs.mkdir = ((path: string, options: object) =>
    fileEffect(path, () => mkdir(path, options))) as typeof mkdir
  syncBuiltinESMExports()
}

function faultyExecutor(
  executor: Executor,
  fault: Fault,
  effect: <T>(work: () => Promise<T>, half: () => Promise<unknown>) => Promise<T>,
): Executor {
  let refusals = 0
  let kills = 0
  let lies = 0
  let hasCommitted = false
  const run = async (command: Command): Promise<Result> => {
    const family = /\/ip6tables/.test(command.program) ? 'ipv6' : 'ipv4'
    if (!/-(restore|save)$/.test(command.program) || command.args[0] === '--version') {
      return executor.run(command)
    }
    if (command.program.endsWith('-save')) {
      const result = await executor.run(command)
      const isMeant = fault.kind === 'read-back' && hasCommitted && fault.family === family
      if (!isMeant || (fault.once && lies > 0) || command.args.includes('-t')) return result
      lies++
      return { ...result, stdout: result.stdout.replace(/^.*-A INPUT .*\n/m, '') }
    }
    if (fault.kind === 'refuse' && fault.family === family && !(fault.once && refusals > 0)) {
      refusals++
      return executor.run(withBadLine(command, fault.block))
    }
    if (fault.kind === 'restore-killed' && fault.family === family && kills++ === 0) {
      if (fault.done) await executor.run(command)
      return { signal: 'SIGKILL', stdout: '', stderr: '' }
    }
    const result = await executor.run(command)
    hasCommitted ||= result.status === 0
    return result
  }
  return {
    ...executor,
    run: (command) =>
      effect(
        () => run(command),
        async () => {
          // It goes on by itself, or not, as its input is there or not.
          void executor.run(command).catch(() => undefined)
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 30))
        },
      ),
    hold: (command) =>
      effect(
        () => executor.hold(command),
        async () => undefined,
      ),
  }
}

/** The kernel itself refuses it: no such rule. */
function withBadLine(command: Command, block: number): Command {
  const spoil = (text: string, from: number): string => {
    let count = from
    return text.replaceAll(/^COMMIT$/gm, (commit) =>
      ++count === block ? `-D INPUT 9999\n${commit}` : commit,
    )
  }
  const { input = '', rest } = command
  if (rest === undefined) return { ...command, input: spoil(input, 0) }
  return { ...command, rest: async () => spoil(await rest(), 0) }
}

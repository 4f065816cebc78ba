import { readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { execa } from 'execa'
import { FwctlError } from '../base/error.ts'
import {
  type Command,
  type Executor,
  FIXED_ENVIRONMENT,
  type FollowedProcess,
  PROGRAM_DIRECTORIES,
} from './executor.ts'
import { findProgram } from './find-program.ts'
import { holdProgram } from './hold-program.ts'
import { decodeText } from './lossless-text.ts'
import { cancelledRun, runProgram } from './run-program.ts'

/** Runs programs on this host, in fwctl's own network namespace. */
export function localExecutor(): Executor {
  const found = new Map<string, string | undefined>()
  const find = async (program: string): Promise<string | undefined> => {
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
    readLink: (path) => {
      try {
        return readlinkSync(path)
      } catch {
        return undefined
      }
    },
    readFile: async (path) => {
      try {
        return decodeText(readFileSync(path))
      } catch {
        return undefined
      }
    },
    run: async (command) => runProgram(await resolve(find, command), command),
    hold: async (command) => holdProgram(await resolve(find, command), command),
    follow: async (command, onOutput) =>
      followOutput(await resolve(find, command), command.args, onOutput),
  }
}

async function resolve(
  find: (program: string) => Promise<string | undefined>,
  command: Pick<Command, 'program' | 'signal'>,
): Promise<string> {
  if (command.signal?.aborted) throw cancelledRun(command.program)
  if (command.program.startsWith('/')) return command.program
  const path = await find(command.program)
  if (path !== undefined) return path
  throw new FwctlError(
    'missing-program',
    `${command.program} is not installed (looked in ${PROGRAM_DIRECTORIES.join(', ')}).`,
    { details: { program: command.program } },
  )
}

function followOutput(
  path: string,
  args: readonly string[],
  onOutput: () => void,
): FollowedProcess {
  const child = execa(path, args, {
    env: { ...FIXED_ENVIRONMENT },
    extendEnv: false,
    cwd: '/',
    encoding: 'buffer',
    reject: false,
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

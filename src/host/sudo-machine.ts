import { FwctlError } from '../base/error.ts'
import type { Command, Machine, Result } from './executor.ts'
import { shellFiles } from './shell-files.ts'

/** The end of a program has to arrive here before fwctl gives sudo up. */
const MARGIN_MS = 10_000

/** The root of a machine that one is only a user of. sudo is called for each program, and never asks. */
export function sudoMachine(base: Machine): Machine {
  const throughSudo = async (
    command: Command,
    before: readonly string[] = [],
  ): Promise<Command> => {
    const path = await locate(base, command.program)
    const { env, ...rest } = command
    const assignments = Object.entries(env ?? {}).map(([name, value]) => `${name}=${value}`)
    // sudo hands on what its own rules let it, which is not ours to rely on.
    const setting = assignments.length === 0 ? [] : [await locate(base, 'env'), ...assignments]
    const words = [...before, ...setting, path, ...command.args]
    return { ...rest, program: await locate(base, 'sudo'), args: ['-n', '--', ...words] }
  }
  const executor: Omit<Machine, 'files'> = {
    label: base.isHere ? 'this host, by sudo' : `${base.label}, by sudo`,
    isHere: false,
    ...(base.lost && { lost: base.lost }),
    account: async () => {
      const { env, host } = await base.account()
      return { uid: 0, env: { SSH_CONNECTION: env.SSH_CONNECTION }, host }
    },
    find: base.find,
    readFile: base.readFile,
    run: async (command) => {
      // A user can not end what runs as root: that is left to somebody who is root.
      const seconds = Math.ceil(command.timeoutMs / 1000)
      const limit = [await locate(base, 'timeout'), '-s', 'KILL', `${seconds}`]
      const sudo = await throughSudo(command, limit)
      const started = performance.now()
      const result = await base.run({ ...sudo, timeoutMs: command.timeoutMs + MARGIN_MS })
      requireRights(result, base)
      const isKilled = result.signal === 'SIGKILL' || result.status === KILLED
      if (!isKilled || performance.now() - started < command.timeoutMs) return result
      throw new FwctlError(
        'command-failed',
        `${command.program} was stopped after ${command.timeoutMs / 1000} s on ${base.label}.`,
        { details: { program: command.program, args: command.args } },
      )
    },
    hold: async (command) => {
      const path = await locate(base, command.program)
      // What is held is a child of sudo's, and has a number of its own.
      const args = ['-c', 'echo $$; exec "$@"', 'fwctl', path, ...command.args]
      try {
        const held = await base.hold(await throughSudo({ ...command, program: '/bin/sh', args }))
        const [, pid = '', greeting = ''] = /^(\d+)\n([\s\S]*)$/.exec(held.greeting) ?? []
        return { ...held, pid: Number(pid), greeting }
      } catch (error) {
        const { status, stderr = '' } = error instanceof FwctlError ? error.details : {}
        requireRights({ status: Number(status), stdout: '', stderr: `${stderr}` }, base)
        if (!(error instanceof FwctlError) || error.code !== 'command-failed') throw error
        const { program, args } = command
        const message = `${program} did not start on ${base.label}: ${stderr || error.message}.`
        const details = { ...error.details, program, args }
        throw new FwctlError('command-failed', message, { cause: error, details })
      }
    },
  }
  const whole: Machine = {
    ...executor,
    files: shellFiles(executor),
    get machine(): Machine {
      return whole
    },
  }
  return whole
}

async function locate(base: Machine, program: string): Promise<string> {
  const path = program.startsWith('/') ? program : await base.find(program)
  if (path !== undefined) return path
  throw new FwctlError('missing-program', `${program} is not installed on ${base.label}.`, {
    details: { program },
  })
}

/** What `timeout` exits with, and sudo after it. */
const KILLED = 128 + 9

/** What sudo itself says, when it does not run the program. */
const REFUSALS =
  /^(?:sudo: (?:a password is required|a terminal is required|no tty present|.* (?:is )?not (?:allowed|permitted)).*|Sorry, user .*|\S+ is not in the sudoers file.*)$/m

function requireRights({ status, stderr }: Result, base: Machine): void {
  const said = status === 0 ? undefined : REFUSALS.exec(stderr)?.[0]
  if (said === undefined) return
  const isPassword = /password|terminal|tty/.test(said)
  throw new FwctlError(
    'no-permission',
    `sudo on ${base.label} does not let this user run programs as root (${said.trim()}). ${
      isPassword
        ? 'fwctl types no passwords: run `sudo -v` first, or have the user allowed with NOPASSWD.'
        : 'Have the user allowed in the sudoers file.'
    } Nothing was changed.`,
  )
}

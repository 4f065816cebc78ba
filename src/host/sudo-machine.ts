import { FwctlError } from '../base/error.ts'
import type { Command, Machine, Result } from './executor.ts'
import { shellFiles } from './shell-files.ts'

/** The root of a machine that one is only a user of. sudo is called for each program, and never asks. */
export function sudoMachine(base: Machine): Machine {
  const throughSudo = async (command: Command): Promise<Command> => {
    const path = await locate(base, command.program)
    const { env, ...rest } = command
    const assignments = Object.entries(env ?? {}).map(([name, value]) => `${name}=${value}`)
    // sudo hands on what its own rules let it, which is not ours to rely on.
    const setting = assignments.length === 0 ? [] : [await locate(base, 'env'), ...assignments]
    const words = [...setting, path, ...command.args]
    return { ...rest, program: await locate(base, 'sudo'), args: ['-n', '--', ...words] }
  }
  const executor: Omit<Machine, 'files'> = {
    label: base.isHere ? 'this host, by sudo' : `${base.label}, by sudo`,
    isHere: false,
    ...(base.lost && { lost: base.lost }),
    account: async () => ({ uid: 0, env: {}, host: (await base.account()).host }),
    find: base.find,
    readFile: base.readFile,
    run: async (command) => {
      const result = await base.run(await throughSudo(command))
      requireRights(result, base)
      return result
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
        throw error
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

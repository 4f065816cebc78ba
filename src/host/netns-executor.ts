import { FwctlError } from '../base/error.ts'
import type { Command, Executor } from './executor.ts'

/** Which network namespace: one that `ip netns` lists, or that of a process. */
export type Namespace =
  | { readonly kind: 'name'; readonly name: string }
  /** `user`: the process is also in a user namespace of its own, which has to be entered first. */
  | { readonly kind: 'process'; readonly pid: number; readonly user?: boolean }

/**
 * Runs programs as `base` does, but in another network namespace. Only the network is that of the
 * namespace: files, users and programs are those of `base`.
 */
export function netnsExecutor(base: Executor, namespace: Namespace): Executor {
  const entry = entryArguments(namespace)
  const { follow, realPath } = base
  const enter = <C extends Pick<Command, 'program' | 'args'>>(command: C, path: string): C =>
    entering(entry, { ...command, program: path })
  const locate = async (program: string): Promise<string> => {
    const path = program.startsWith('/') ? program : await base.find(program)
    if (path !== undefined) return path
    throw new FwctlError('missing-program', `${program} is not installed.`, {
      details: { program },
    })
  }
  return {
    label:
      namespace.kind === 'name'
        ? `network namespace ${namespace.name}`
        : `the network namespace of process ${namespace.pid}`,
    stateKey: namespace.kind === 'name' ? `netns-${namespace.name}` : `netns-pid-${namespace.pid}`,
    entry: [...(base.entry ?? []), 'nsenter', ...entry, '--'],
    ...(base.machine && { machine: base.machine }),
    find: base.find,
    ...(realPath && { realPath }),
    readFile: base.readFile,
    run: async (command) => {
      const result = await base.run(enter(command, await locate(command.program)))
      const isMissed = result.status !== 0 && result.stderr.startsWith('nsenter: ')
      if (isMissed && namespace.kind === 'name') await mustEnter(base, namespace, namespace.name)
      return result
    },
    hold: async (command) => base.hold(enter(command, await locate(command.program))),
    ...(follow && {
      follow: async (command, onOutput) =>
        follow(enter(command, await locate(command.program)), onOutput),
    }),
  }
}

/**
 * The namespace of `--netns`: `NAME`, `pid:N`, or a bare number where no namespace has that name. Throws
 * FwctlError `usage` when there is none, `no-permission` when it can not be entered.
 */
export async function requireNamespace(base: Executor, text: string): Promise<Namespace> {
  const digits = /^(?:pid:)?([1-9]\d{0,9})$/.exec(text)?.[1]
  const byPid: Namespace | undefined =
    digits === undefined ? undefined : { kind: 'process', pid: Number(digits) }
  if (byPid !== undefined && text.startsWith('pid:')) return mustEnter(base, byPid, text)
  const byName: Namespace = { kind: 'name', name: text }
  if (byPid === undefined || (await whyNotEntered(base, byName)) === undefined) {
    return mustEnter(base, byName, text)
  }
  return mustEnter(base, byPid, text)
}

async function mustEnter(base: Executor, namespace: Namespace, text: string): Promise<Namespace> {
  const why = await whyNotEntered(base, namespace)
  if (why === undefined) return namespace
  throw new FwctlError(
    why.includes('Operation not permitted') ? 'no-permission' : 'usage',
    `The network namespace ${text} can not be entered: ${why}. ` +
      (namespace.kind === 'name'
        ? '`ip netns list` shows those there are.'
        : 'Is that process there?'),
  )
}

async function whyNotEntered(base: Executor, namespace: Namespace): Promise<string | undefined> {
  const check = await base.run({
    program: 'nsenter',
    args: [...entryArguments(namespace), '--', '/bin/true'],
    timeoutMs: 10_000,
  })
  return check.status === 0 ? undefined : check.stderr.trim()
}

/** The command, run behind `entryArguments`; its program is an absolute path. */
export function entering<C extends Pick<Command, 'program' | 'args'>>(
  entry: readonly string[],
  command: C,
): C {
  return {
    ...command,
    program: 'nsenter',
    args: [...entry, '--', command.program, ...command.args],
  }
}

/** How nsenter gets there. */
export function entryArguments(namespace: Namespace): string[] {
  if (namespace.kind === 'name') {
    if (!isNamespaceName(namespace.name)) {
      throw new FwctlError(
        'usage',
        `"${namespace.name}" can not be the name of a network namespace.`,
      )
    }
    return [`--net=/run/netns/${namespace.name}`]
  }
  const net = `--net=/proc/${namespace.pid}/ns/net`
  if (!namespace.user) return [net]
  // The user is root in there already, and may not set groups (nsenter would, and fail).
  return ['--preserve-credentials', `--user=/proc/${namespace.pid}/ns/user`, net]
}

/** The name becomes part of a path. */
function isNamespaceName(name: string): boolean {
  return /^[^/\0\s]+$/.test(name) && name !== '.' && name !== '..'
}

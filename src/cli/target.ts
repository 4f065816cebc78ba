/** The host, user and namespace that the command line means. */
import { resolve } from 'node:path'
import { FwctlError } from '../base/error.ts'
import { takingUp } from '../host/begun-run.ts'
import type { Executor, Machine } from '../host/executor.ts'
import { localMachine } from '../host/local-machine.ts'
import { type Namespace, netnsExecutor, requireNamespace } from '../host/netns-executor.ts'
import { defaultStateDir } from '../host/state-dir.ts'
import type { Context, Options } from './context.ts'
import { withKnownVersions } from './known-versions.ts'
import type { Logger } from './logger.ts'

export interface Target {
  readonly executor: Executor
  /** Where on its machine it is; absent: the machine itself. */
  readonly namespace?: Namespace
}

/**
 * Opened once for each run, and closed at its end. Throws `usage` when there is no such namespace or
 * container, `connection-lost` when the host can not be reached.
 */
export async function openTarget(context: Context): Promise<Target> {
  const known = opened.get(context.options) ?? open(context)
  opened.set(context.options, known)
  return known
}

/** The same, when it is certain that there is such a namespace. */
export async function requireTarget(context: Context): Promise<Target> {
  const target = await openTarget(context)
  const { namespace } = target
  if (namespace?.kind === 'name') {
    await requireNamespace(logged(await openMachine(context), context.log), namespace.name)
  }
  return target
}

const opened = new WeakMap<Options, Promise<Target>>()
const machines = new WeakMap<Options, Promise<Machine>>()

/** Where the state of a target is kept, on its machine. */
export async function stateRoot(
  { options, uid, env, cwd }: Context,
  { machine }: Pick<Executor, 'machine'>,
): Promise<string> {
  const { stateDir } = options
  if (machine === undefined) {
    return stateDir === undefined ? defaultStateDir({ uid, env }) : resolve(cwd, stateDir)
  }
  if (stateDir?.startsWith('/') === false) {
    throw new FwctlError(
      'usage',
      `--state-dir ${stateDir}: on ${machine.label} it has to begin with a slash.`,
    )
  }
  return stateDir ?? defaultStateDir(await machine.account())
}

/** The options that lead to the same target and its state, for a command that is shown. */
export function targetWords({ options }: Pick<Context, 'options'>): readonly string[] {
  const { host, sshConfig, sudo, netns, container, stateDir } = options
  return [
    ...(host === undefined ? [] : [`--host ${host}`]),
    ...(sshConfig === undefined ? [] : [`--ssh-config ${sshConfig}`]),
    ...(sudo ? ['--sudo'] : []),
    ...(netns === undefined ? [] : [`--netns ${netns}`]),
    ...(container === undefined ? [] : [`--container ${container}`]),
    ...(stateDir === undefined ? [] : [`--state-dir ${stateDir}`]),
  ]
}

async function open(context: Context): Promise<Target> {
  const { options, log } = context
  const machine = await openMachine(context)
  const base: Executor = logged(machine, log)
  if (options.netns !== undefined && options.container !== undefined) {
    throw new FwctlError('usage', 'Give --netns or --container, not both.')
  }
  if (options.container !== undefined) {
    const { containerExecutor, findContainer } = await import('../host/container.ts')
    const container = await findContainer(base, options.container)
    const namespace = { kind: 'process', pid: container.pid } as const
    return { executor: containerExecutor(base, container), namespace }
  }
  const isHere = options.host === undefined && options.sudo !== true
  const local = (executor: Executor): Executor =>
    isHere ? withKnownVersions(executor, context) : executor
  if (options.netns === undefined) return { executor: local(base) }
  // Whether there is one of that name shows with the first program that is run in it.
  const namespace: Namespace = /^(pid:)?\d+$/.test(options.netns)
    ? await requireNamespace(base, options.netns)
    : { kind: 'name', name: options.netns }
  return { executor: local(netnsExecutor(base, namespace)), namespace }
}

async function openMachine(context: Context): Promise<Machine> {
  const known = machines.get(context.options) ?? newMachine(context)
  machines.set(context.options, known)
  return known
}

async function newMachine(context: Context): Promise<Machine> {
  const { options, begun = [] } = context
  const machine =
    options.host === undefined
      ? takingUp(localMachine(), begun)
      : await openSsh(options.host, context)
  if (!options.sudo) return machine
  const { sudoMachine } = await import('../host/sudo-machine.ts')
  return sudoMachine(machine)
}

async function openSsh(host: string, context: Context): Promise<Machine> {
  const { options, cwd, env } = context
  const [{ sshMachine }, { parseSshTarget }] = await Promise.all([
    import('../host/ssh-machine.ts'),
    import('../host/ssh-target.ts'),
  ])
  const { sshConfig } = options
  const configFile = sshConfig === undefined ? undefined : resolve(cwd, sshConfig)
  const target = parseSshTarget(host)
  const ending = new AbortController()
  const machine = sshMachine(target, { configFile, env, signal: ending.signal })
  // Also when nobody has waited for it.
  context.atEnd(async () => {
    ending.abort()
    await machine.then((one) => one.close()).catch(() => undefined)
  })
  return machine
}

/** Tells the log what is run and how it ends, not what goes in and out. */
function logged<E extends Executor>(executor: E, log: Logger): E {
  if (log.level === 'silent') return executor
  return {
    ...executor,
    run: async (command) => {
      const started = performance.now()
      const result = await executor.run(command)
      log.debug(
        {
          program: command.program,
          args: command.args,
          status: result.status ?? result.signal,
          ms: Math.round(performance.now() - started),
        },
        'ran',
      )
      return result
    },
  }
}

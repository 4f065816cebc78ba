/** The host that the command line means, and what is live on it. */
import { FwctlError } from '../base/error.ts'
import { BUILTIN_NAMES } from '../extensions/builtin-names.ts'
import type { Names } from '../extensions/names.ts'
import { detectBackend, type HostBackend } from '../host/backend.ts'
import type { Executor } from '../host/executor.ts'
import { type Live, parseLive } from '../host/live.ts'
import { localExecutor } from '../host/local-executor.ts'
import { readNames } from '../host/names.ts'
import { netnsExecutor, requireNamespace } from '../host/netns-executor.ts'
import { defaultStateDir, openStateDir, type StateDir } from '../host/state-dir.ts'
import { FAMILIES, type Family } from '../ruleset/model.ts'
import type { Context } from './context.ts'
import { readInput } from './files.ts'
import type { Logger } from './logger.ts'
import { assumedBackend, assumedDialects } from './policy-input.ts'

export interface HostInput {
  readonly executor: Executor
  readonly backend: HostBackend
  readonly names: Names
}

/** Throws `usage` when there is no such network namespace. */
export async function openHost(
  context: Context,
  backend: Context['options']['backend'] = context.options.backend,
): Promise<HostInput> {
  return completeHost(hostExecutor(context), backend)
}

/** Asks an executor's host what iptables it has, and what its names mean. */
export async function completeHost(
  executor: Executor,
  backend: Context['options']['backend'],
): Promise<HostInput> {
  const [found, names] = await Promise.all([
    detectBackend(executor, backend),
    readNames(executor, BUILTIN_NAMES),
  ])
  return { executor, backend: found, names }
}

/** For what leaves something behind before it runs anything; throws `usage` for no such namespace. */
export async function openExecutor(context: Context): Promise<Executor> {
  const { netns } = context.options
  if (netns !== undefined) await requireNamespace(logged(localExecutor(), context.log), netns)
  return hostExecutor(context)
}

/** Whether there is such a namespace shows with the first program that is run in it. */
export function hostExecutor({ options, log }: Pick<Context, 'options' | 'log'>): Executor {
  const local = logged(localExecutor(), log)
  if (options.netns === undefined) return local
  return netnsExecutor(local, { kind: 'name', name: options.netns })
}

/** Where the state of this host or namespace is kept; made if it is not there. */
export async function openState(context: Context, executor: Executor): Promise<StateDir> {
  return openStateDir(stateRoot(context), executor)
}

export function stateRoot({ options, uid, env }: Context): string {
  return options.stateDir ?? defaultStateDir({ uid, env })
}

/** Whether the live rules come from files: then no host is asked, and no root is needed. */
export function isOffline({ options }: Context): boolean {
  return options.live4 !== undefined || options.live6 !== undefined
}

/** The live rules of `--live4` and `--live6`; of the wanted families only those that have one. */
export async function readDumps(wanted: readonly Family[], context: Context): Promise<Live> {
  const { live4, live6 } = context.options
  if (live4 === '-' && live6 === '-') {
    throw new FwctlError('usage', 'Only one of --live4 and --live6 can be read from stdin.')
  }
  const paths: Readonly<Record<Family, string | undefined>> = { ipv4: live4, ipv6: live6 }
  const assumed = assumedDialects(FAMILIES, assumedBackend(context))
  const live: Partial<Record<Family, Live[Family]>> = {}
  for (const family of wanted) {
    const path = paths[family]
    const dialect = assumed[family]
    if (path === undefined || dialect === undefined) continue
    const file = path === '-' ? 'stdin' : path
    live[family] = parseLive(await readInput(path, context), { family, dialect, file })
  }
  return live as Live
}

/** Tells the log what is run and how it ends, not what goes in and out. */
function logged(executor: Executor, log: Logger): Executor {
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

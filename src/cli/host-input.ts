/** The host that the command line means, and what is live on it. */
import { FwctlError } from '../base/error.ts'
import { BUILTIN_NAMES } from '../extensions/builtin-names.ts'
import type { Names } from '../extensions/names.ts'
import { detectBackend, type HostBackend } from '../host/backend.ts'
import type { Executor } from '../host/executor.ts'
import { type Live, parseLive } from '../host/live.ts'
import { readNames } from '../host/names.ts'
import { openStateDir, type StateDir, stateDirPaths } from '../host/state-dir.ts'
import { FAMILIES, type Family } from '../ruleset/model.ts'
import type { Context } from './context.ts'
import { readInput } from './files.ts'
import { assumedBackend, assumedDialects } from './policy-input.ts'
import { openTarget, requireTarget, stateRoot } from './target.ts'

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
  return completeHost(await hostExecutor(context), backend)
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
  return (await requireTarget(context)).executor
}

/** Whether there is such a namespace shows with the first program that is run in it. */
export async function hostExecutor(context: Context): Promise<Executor> {
  return (await openTarget(context)).executor
}

/** Where the state of this target is kept; made if it is not there. */
export async function openState(context: Context, executor: Executor): Promise<StateDir> {
  return openStateDir(await stateRoot(context, executor), executor)
}

/** Whether there is such a place already. */
export async function hasState(context: Context): Promise<boolean> {
  const executor = await hostExecutor(context)
  const { machine, snapshots } = stateDirPaths(await stateRoot(context, executor), executor)
  const [found] = await machine.files.inspect([snapshots])
  return found !== undefined
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

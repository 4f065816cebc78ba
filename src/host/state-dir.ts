import { dirname, join, resolve } from 'node:path'
import { FwctlError } from '../base/error.ts'
import type { Executor, Machine } from './executor.ts'
import type { FileStatus } from './host-files.ts'
import { localMachine } from './local-machine.ts'

/** Where the state is that fwctl keeps for one target. */
export interface StateDir {
  /** The machine that the paths are on. */
  readonly machine: Machine
  readonly path: string
  readonly lock: string
  readonly journal: string
  readonly applied: string
  readonly snapshots: string
}

/** Where state goes when nobody says: for root the system's, else the user's own (XDG). */
export function defaultStateDir(user: {
  readonly uid: number
  readonly env: Readonly<Record<string, string | undefined>>
}): string {
  if (user.uid === 0) return '/var/lib/fwctl'
  const home = user.env.HOME ?? '/nonexistent'
  return join(user.env.XDG_STATE_HOME || join(home, '.local/state'), 'fwctl')
}

/** The paths, without touching the disk. Each target that is not a machine has its own folder. */
export function stateDirPaths(
  root: string,
  executor: Pick<Executor, 'stateKey' | 'machine'>,
): StateDir {
  const base = resolve(root)
  const path = executor.stateKey === undefined ? base : join(base, 'targets', executor.stateKey)
  return {
    machine: executor.machine ?? localMachine(),
    path,
    lock: join(path, 'lock'),
    journal: join(path, 'journal.json'),
    applied: join(path, 'applied.json'),
    snapshots: join(path, 'snapshots'),
  }
}

/**
 * Makes the state directory (0700) where it is missing. Throws FwctlError `refused` when somebody
 * else could write what fwctl will load into the kernel as a rollback.
 */
export async function openStateDir(
  root: string,
  executor: Pick<Executor, 'stateKey' | 'machine'>,
): Promise<StateDir> {
  const paths = stateDirPaths(root, executor)
  const { files } = paths.machine
  // Before anything is made in a place that is not ours, and of what was made.
  const isThere = await requireTrustedDir(root, paths)
  if (!isThere) {
    await files.makeDirectory(paths.snapshots)
    await requireTrustedDir(root, paths)
  }
  // Rules are nobody else's business. Files are 0600 anyway; the directory may be older than fwctl.
  const [base, lock] = await files.inspect([resolve(root), paths.lock])
  if (base && base.mode & 0o077) await files.makePrivate(resolve(root))
  if (lock?.kind !== 'file') await files.makeFile(paths.lock)
  return paths
}

/**
 * Throws FwctlError `refused` as `openStateDir` does; what is not there yet is as good as ours. True:
 * all of it is there.
 */
export async function requireTrustedDir(root: string, paths: StateDir): Promise<boolean> {
  const base = resolve(root)
  const { machine, snapshots } = paths
  const own = withParents(snapshots, base)
  const parents = withParents(dirname(base))
  const [{ uid }, real, statuses] = await Promise.all([
    machine.account(),
    machine.files.realPath(dirname(base)),
    machine.files.inspect([...own, ...parents]),
  ])
  for (const [index, path] of own.entries()) requirePrivate(path, statuses[index], uid)
  // Where a parent is a symbolic link, that goes for the way to it and for the way that it leads.
  const others = withParents(real).filter((path) => !parents.includes(path))
  const led = others.length === 0 ? [] : await machine.files.inspect(others)
  const above = [...parents, ...others]
  for (const [index, status] of [...statuses.slice(own.length), ...led].entries()) {
    requireSafeParent(above[index] ?? '', status, uid)
  }
  return statuses.slice(0, own.length).every((status) => status !== undefined)
}

function requirePrivate(path: string, status: FileStatus | undefined, uid: number): void {
  if (status === undefined) return
  const problem =
    status.kind !== 'directory'
      ? 'is not a directory'
      : status.uid !== uid
        ? `belongs to user ${status.uid}`
        : status.mode & 0o022
          ? 'can be written by other users'
          : undefined
  if (problem === undefined) return
  throw new FwctlError(
    'refused',
    `The state directory ${path} ${problem}, so its snapshots can not be trusted. ` +
      `Make it yours and private (chown, chmod 700), or name another with --state-dir.`,
    { details: { path } },
  )
}

/** Somebody who may rename entries of a parent could put another directory in our place. */
function requireSafeParent(path: string, status: FileStatus | undefined, uid: number): void {
  if (status === undefined) return
  const isSticky = (status.mode & 0o1000) !== 0
  const isOpen = (status.mode & 0o022) !== 0 && !isSticky && status.kind !== 'link'
  if ([0, uid].includes(status.uid) && !isOpen) return
  throw new FwctlError(
    'refused',
    `${path} can be changed by other users, so state kept below it can not be trusted. ` +
      'Name another place with --state-dir.',
    { details: { path } },
  )
}

/** The path and the directories above it, up to `last`. */
function withParents(path: string, last = '/'): readonly string[] {
  return path === last || path === dirname(path)
    ? [path]
    : [path, ...withParents(dirname(path), last)]
}

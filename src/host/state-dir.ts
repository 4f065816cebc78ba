import { constants, type Stats } from 'node:fs'
import { chmod, lstat, mkdir, open, realpath } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { FwctlError } from '../base/error.ts'
import type { Executor } from './executor.ts'

/** The paths of the state that fwctl keeps for one target. */
export interface StateDir {
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

/** The paths, without touching the disk. Each target that is not this host has its own folder. */
export function stateDirPaths(root: string, executor: Pick<Executor, 'stateKey'>): StateDir {
  const base = resolve(root)
  const path = executor.stateKey === undefined ? base : join(base, 'targets', executor.stateKey)
  return {
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
  executor: Pick<Executor, 'stateKey'>,
): Promise<StateDir> {
  const paths = stateDirPaths(root, executor)
  // Before anything is made in a place that is not ours, and of what was made.
  await requireTrustedDir(root, paths)
  await mkdir(paths.snapshots, { recursive: true, mode: 0o700 })
  await requireTrustedDir(root, paths)
  await hide(resolve(root))
  const lock = await open(
    paths.lock,
    constants.O_RDONLY | constants.O_CREAT | constants.O_NOFOLLOW,
    0o600,
  )
  await lock.close()
  return paths
}

/** Rules are nobody else's business. Files are 0600 anyway; the directory may be older than fwctl. */
async function hide(path: string): Promise<void> {
  const { mode } = await lstat(path)
  if (mode & 0o077) await chmod(path, 0o700)
}

/** Throws FwctlError `refused` as `openStateDir` does; what is not there yet is as good as ours. */
export async function requireTrustedDir(root: string, paths: StateDir): Promise<void> {
  const base = resolve(root)
  for (let at = paths.snapshots; at !== base; at = dirname(at)) await requirePrivate(at)
  await requirePrivate(base)
  await requireSafeParents(dirname(base))
}

async function requirePrivate(path: string): Promise<void> {
  const stat = await lstatIfThere(path)
  if (stat === undefined) return
  const problem = !stat.isDirectory()
    ? 'is not a directory'
    : stat.uid !== process.geteuid?.()
      ? `belongs to user ${stat.uid}`
      : stat.mode & 0o022
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

/**
 * Somebody who may rename entries of a parent could put another directory in our place. Where a
 * parent is a symbolic link, that goes for the way to it and for the way that it leads.
 */
async function requireSafeParents(path: string): Promise<void> {
  const real = await realpath(path).catch(() => path)
  for (const at of new Set([...withParents(path), ...withParents(real)])) {
    const stat = await lstatIfThere(at)
    if (stat === undefined) continue
    const sticky = (stat.mode & 0o1000) !== 0
    const owners = [0, process.geteuid?.()]
    if (!owners.includes(stat.uid) || (stat.mode & 0o022 && !sticky && !stat.isSymbolicLink())) {
      throw new FwctlError(
        'refused',
        `${at} can be changed by other users, so state kept below it can not be trusted. ` +
          'Name another place with --state-dir.',
        { details: { path: at } },
      )
    }
  }
}

function withParents(path: string): readonly string[] {
  return path === dirname(path) ? [path] : [path, ...withParents(dirname(path))]
}

async function lstatIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** Puts the systemd units in place, and takes them away again. */
import { mkdir, readFile, stat, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FwctlError } from '../base/error.ts'
import { replacePublic } from './atomic-file.ts'
import type { Executor } from './executor.ts'
import { isOurUnit, makeUnits, UNIT_NAMES, type Unit, type UnitsInput } from './install-units.ts'

export const UNIT_DIRECTORY = '/etc/systemd/system'
const SYSTEMCTL_TIMEOUT_MS = 60_000
const SYSTEMD_IS_INIT = '/run/systemd/system'

export interface InstallRequest extends UnitsInput {
  /** Where the units go. */
  readonly directory: string
  /** A file system that is being built: nothing is enabled or started there. */
  readonly offline: boolean
  /** Also enable what is off by default. */
  readonly watch: boolean
}

export interface Installed {
  readonly paths: readonly string[]
  /** What systemctl still has to be told, because systemd does not run here or this is no live root. */
  readonly remaining: readonly string[]
}

/** Throws FwctlError `refused` where a unit of that name is somebody else's. */
export async function installUnits(
  executor: Executor,
  request: InstallRequest,
): Promise<Installed> {
  const units = makeUnits(request)
  const paths = units.map((unit) => join(request.directory, unit.name))
  for (const path of paths) await requireOurs(path)
  await mkdir(request.directory, { recursive: true })
  for (const [index, unit] of units.entries()) await replacePublic(paths[index] ?? '', unit.text)
  const commands = [['daemon-reload'], ['enable', ...wanted(units, request)]]
  const remaining = await tellSystemd(executor, commands, request.offline)
  return { paths, remaining }
}

/** What is not there is not missed. Returns the paths of the units that were removed. */
export async function uninstallUnits(
  executor: Executor,
  request: { readonly directory: string; readonly offline: boolean },
): Promise<Installed> {
  const found: string[] = []
  for (const name of UNIT_NAMES) {
    const path = join(request.directory, name)
    if (await requireOurs(path)) found.push(path)
  }
  if (found.length === 0) return { paths: [], remaining: [] }
  const names = UNIT_NAMES.filter((name) => found.includes(join(request.directory, name)))
  // The rules stay: stopping the restore unit runs nothing.
  const before = await tellSystemd(
    executor,
    [
      ['disable', ...names],
      ['stop', ...names.filter((name) => !name.includes('restore'))],
    ],
    request.offline,
  )
  for (const path of found) await unlink(path)
  const after = await tellSystemd(executor, [['daemon-reload']], request.offline)
  return { paths: found, remaining: [...before, ...after] }
}

/**
 * The words that start this fwctl, for a unit. Throws FwctlError `refused` when others could replace
 * what root would then run at each boot.
 */
export async function ownCommand(): Promise<readonly string[]> {
  for (const place of ['./main.cjs', '../main.cjs', '../../dist/main.cjs']) {
    const path = fileURLToPath(new URL(place, import.meta.url))
    if (!(await isThere(path))) continue
    for (const file of [process.execPath, path]) await requireTrusted(file)
    return [process.execPath, path]
  }
  throw new FwctlError(
    'missing-program',
    'The fwctl that the units would start is not built. Run npm run build, or name it with --command.',
  )
}

async function requireTrusted(file: string): Promise<void> {
  for (let at = file; ; at = dirname(at)) {
    const { mode, uid } = await stat(at)
    const isShared = (mode & 0o022) !== 0 && (mode & 0o1000) === 0
    if (isShared || (uid !== 0 && uid !== process.geteuid?.())) {
      throw new FwctlError(
        'refused',
        `${at} can be changed by other users, and root would run ${file} at each boot. Install ` +
          'fwctl where only root may write, or name another with --command.',
        { details: { path: at } },
      )
    }
    if (at === dirname(at)) return
  }
}

function wanted(units: readonly Unit[], { watch }: InstallRequest): string[] {
  return units
    .filter((unit) => unit.enable || (watch && unit.name === 'fwctl-watch.service'))
    .map((unit) => unit.name)
}

/** Whether a unit of ours is there. */
async function requireOurs(path: string): Promise<boolean> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  }
  if (isOurUnit(text)) return true
  throw new FwctlError(
    'refused',
    `${path} was not written by fwctl install. Move it away first. Nothing was changed.`,
    { details: { path: resolve(path) } },
  )
}

async function tellSystemd(
  executor: Executor,
  commands: readonly (readonly string[])[],
  offline: boolean,
): Promise<readonly string[]> {
  const remaining: string[] = []
  const runs = !offline && (await isThere(SYSTEMD_IS_INIT))
  for (const args of commands) {
    if (args.length === 1 && args[0] !== 'daemon-reload') continue
    const line = `systemctl ${args.join(' ')}`
    if (!runs) {
      remaining.push(line)
      continue
    }
    const result = await executor.run({
      program: 'systemctl',
      args,
      timeoutMs: SYSTEMCTL_TIMEOUT_MS,
    })
    if (result.status !== 0) remaining.push(line)
  }
  return remaining
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

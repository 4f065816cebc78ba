/**
 * Starts the dead man's switch: what rolls an unconfirmed change back when its time is up, whatever
 * has become of fwctl, its parent and its ssh session by then.
 *
 * Where systemd is init it is a transient timer, out of reach of the session's own cgroup; elsewhere
 * a process in a session of its own, without a terminal and without a descriptor of ours. Both run
 * the same program (watchdog-main.ts), which is one file without imports but Node's own. It is copied
 * into the state directory first: from then on neither node_modules nor fwctl have to be there.
 */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { FwctlError } from '../base/error.ts'
import { writeAtomically } from './atomic-file.ts'
import { FIXED_ENVIRONMENT } from './executor.ts'
import { localExecutor } from './local-executor.ts'
import type { Watchdog } from './pending.ts'
import { readPrivate } from './private-file.ts'
import type { StateDir } from './state-dir.ts'

/** systemd's own test for whether it is init, sd_booted(3). */
const SYSTEMD_IS_INIT = '/run/systemd/system'
const START_TIMEOUT_MS = 10_000
const START_POLL_MS = 20

export interface WatchdogRequest {
  readonly stateDir: StateDir
  readonly token: string
  readonly withinSeconds: number
}

/** The program, as it lies in the state directory. */
function watchdogPath(stateDir: Pick<StateDir, 'path'>): string {
  return join(stateDir.path, 'watchdog.mjs')
}

/** Where a watchdog that has started says so. */
export function readyPath(stateDir: Pick<StateDir, 'path'>): string {
  return join(stateDir.path, 'watchdog.pid')
}

/**
 * Starts it, and returns when it runs. The pending change has been written by then, for it is what it
 * reads. Throws FwctlError `missing-program` or `command-failed`.
 */
export async function startWatchdog(request: WatchdogRequest): Promise<Watchdog> {
  await writeAtomically(watchdogPath(request.stateDir), await watchdogText())
  return (await startTimer(request)) ?? startProcess(request)
}

/** A timer is stopped; a process sees by itself that it is no longer needed. */
export async function stopWatchdog(watchdog: Watchdog | undefined): Promise<void> {
  if (watchdog?.kind !== 'timer') return
  await localExecutor()
    .run({
      program: 'systemctl',
      args: ['stop', `${watchdog.unit}.timer`],
      timeoutMs: START_TIMEOUT_MS,
    })
    // When it fires nevertheless, it finds that nothing is pending.
    .catch(() => undefined)
}

/** What systemd-run is called with. */
export function timerArguments({ stateDir, token, withinSeconds }: WatchdogRequest): string[] {
  return [
    '--quiet',
    '--collect',
    `--unit=${unitName(token)}`,
    '--description=Roll back a firewall change unless fwctl confirm comes in time',
    `--on-active=${withinSeconds}s`,
    '--timer-property=AccuracySec=250ms',
    '--property=OOMScoreAdjust=-1000',
    '--',
    process.execPath,
    watchdogPath(stateDir),
    stateDir.path,
    token,
  ]
}

async function startTimer(request: WatchdogRequest): Promise<Watchdog | undefined> {
  const isInit = await stat(SYSTEMD_IS_INIT).then(
    (found) => found.isDirectory(),
    () => false,
  )
  const local = localExecutor()
  if (!isInit || (await local.find('systemd-run')) === undefined) return undefined
  const result = await local.run({
    program: 'systemd-run',
    args: timerArguments(request),
    timeoutMs: START_TIMEOUT_MS,
  })
  return result.status === 0 ? { kind: 'timer', unit: unitName(request.token) } : undefined
}

async function startProcess({ stateDir, token }: WatchdogRequest): Promise<Watchdog> {
  const child = execa(process.execPath, [watchdogPath(stateDir), stateDir.path, token], {
    detached: true,
    cleanup: false,
    stdio: 'ignore',
    cwd: '/',
    env: FIXED_ENVIRONMENT,
    extendEnv: false,
    reject: false,
  })
  child.unref()
  const giveUp = performance.now() + START_TIMEOUT_MS
  while (performance.now() < giveUp) {
    const ready = await readPrivate(stateDir.machine, readyPath(stateDir)).catch(() => undefined)
    if (ready === `${token} ${child.pid}\n`) return { kind: 'process', pid: child.pid as number }
    if (child.exitCode !== null) break
    await sleep(START_POLL_MS)
  }
  child.kill('SIGKILL')
  throw new FwctlError(
    'command-failed',
    'The watchdog that would roll the change back did not start, so nothing was changed.',
    { details: { program: process.execPath, status: child.exitCode } },
  )
}

function unitName(token: string): string {
  return `fwctl-rollback-${token}`
}

/** Beside the bin, above its chunks, or, for the sources, where the build puts it. */
const PLACES = ['./watchdog.mjs', '../watchdog.mjs', '../../dist/watchdog.mjs']

async function watchdogText(): Promise<string> {
  for (const place of PLACES) {
    try {
      return await readFile(fileURLToPath(new URL(place, import.meta.url)), 'utf8')
    } catch {
      // not there
    }
  }
  throw new FwctlError(
    'missing-program',
    "fwctl's own watchdog.mjs is missing, so a change that is not confirmed could not be rolled " +
      'back. Nothing was changed. Install fwctl anew, or run npm run build.',
  )
}

/**
 * Starts the dead man's switch: what rolls an unconfirmed change back when its time is up, whatever
 * has become of fwctl, its parent and its ssh session by then.
 *
 * Where systemd is init it is a transient timer, out of reach of the session's own cgroup; elsewhere
 * a process in a session of its own, without a terminal and without a descriptor of ours. Both run
 * the same program (watchdog-main.ts), which is one file without imports but Node's own. It is copied
 * into the state directory first: from then on neither node_modules nor fwctl have to be there. On
 * another machine, where there need be no Node, it is a program of sh (far-watchdog-script.ts).
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { FwctlError } from '../base/error.ts'
import { FIXED_ENVIRONMENT } from './executor.ts'
import { WATCHDOG_SCRIPT } from './far-watchdog-script.ts'
import type { Watchdog } from './pending.ts'
import { readPrivate } from './private-file.ts'
import type { StateDir } from './state-dir.ts'

/** systemd's own test for whether it is init, sd_booted(3). */
const SYSTEMD_IS_INIT = '/run/systemd/system'
/** On a host that is very busy, and that may be why somebody changes its rules, it takes seconds. */
const START_TIMEOUT_MS = 30_000
const START_POLL_MS = 20

export interface WatchdogRequest {
  readonly stateDir: StateDir
  readonly token: string
  readonly withinSeconds: number
}

/** The program, as it lies in the state directory. */
function watchdogPath({ path, machine }: StateDir): string {
  return join(path, machine.isHere ? 'watchdog.mjs' : 'watchdog.sh')
}

/** What runs it. */
function watchdogWords({ stateDir, token }: WatchdogRequest): readonly string[] {
  const interpreter = stateDir.machine.isHere ? process.execPath : '/bin/sh'
  return [interpreter, watchdogPath(stateDir), stateDir.path, token]
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
  const { stateDir } = request
  const { machine } = stateDir
  const text = machine.isHere ? await watchdogText() : WATCHDOG_SCRIPT
  await machine.files.write(watchdogPath(stateDir), text)
  const timer = await startTimer(request)
  if (timer !== undefined) return timer
  return machine.isHere ? startProcess(request) : startFarProcess(request)
}

/** A timer is stopped; a process sees by itself that it is no longer needed. */
export async function stopWatchdog(
  { machine }: Pick<StateDir, 'machine'>,
  watchdog: Watchdog | undefined,
): Promise<void> {
  if (watchdog?.kind !== 'timer') return
  await machine
    .run({
      program: 'systemctl',
      args: ['stop', `${watchdog.unit}.timer`],
      timeoutMs: START_TIMEOUT_MS,
    })
    // When it fires nevertheless, it finds that nothing is pending.
    .catch(() => undefined)
}

/** What systemd-run is called with. */
export function timerArguments(request: WatchdogRequest): string[] {
  const { token, withinSeconds } = request
  return [
    '--quiet',
    '--collect',
    `--unit=${unitName(token)}`,
    '--description=Roll back a firewall change unless fwctl confirm comes in time',
    `--on-active=${withinSeconds}s`,
    '--timer-property=AccuracySec=250ms',
    '--property=OOMScoreAdjust=-1000',
    '--',
    ...watchdogWords(request),
  ]
}

async function startTimer(request: WatchdogRequest): Promise<Watchdog | undefined> {
  const { machine } = request.stateDir
  const [init] = await machine.files.inspect([SYSTEMD_IS_INIT])
  if (init?.kind !== 'directory' || (await machine.find('systemd-run')) === undefined) {
    return undefined
  }
  const result = await machine.run({
    program: 'systemd-run',
    args: timerArguments(request),
    timeoutMs: START_TIMEOUT_MS,
  })
  return result.status === 0 ? { kind: 'timer', unit: unitName(request.token) } : undefined
}

async function startProcess(request: WatchdogRequest): Promise<Watchdog> {
  const { stateDir, token } = request
  const [program = '', ...args] = watchdogWords(request)
  const child = execa(program, args, {
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
  throw notStarted({ program, status: child.exitCode })
}

/** In a session of its own, it outlives the one that it is started from, and its sshd. */
const START = `
ready=$1 token=$2
shift 2
setsid "$@" < /dev/null > /dev/null 2>&1 &
pid=$!
for wait in $(seq 100); do
  [ "$(cat "$ready" 2> /dev/null)" = "$token $pid" ] && echo "$pid" && exit 0
  kill -0 "$pid" 2> /dev/null || exit 1
  sleep 0.1
done
kill -9 "$pid"
exit 1`

async function startFarProcess(request: WatchdogRequest): Promise<Watchdog> {
  const { stateDir, token } = request
  const words = [readyPath(stateDir), token, ...watchdogWords(request)]
  const result = await stateDir.machine.run({
    program: '/bin/sh',
    args: ['-c', START, 'fwctl', ...words],
    timeoutMs: 2 * START_TIMEOUT_MS,
  })
  if (result.status === 0) return { kind: 'process', pid: Number(result.stdout) }
  throw notStarted({ program: '/bin/sh', status: result.status, stderr: result.stderr })
}

function notStarted(details: Readonly<Record<string, unknown>>): FwctlError {
  return new FwctlError(
    'command-failed',
    'The watchdog that would roll the change back did not start, so nothing was changed.',
    { details },
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

/** A change confirms itself when a new TCP connection succeeds once it is in place. */
import { setTimeout as sleep } from 'node:timers/promises'
import { FwctlError } from '../base/error.ts'
import type { Command, Executor } from './executor.ts'

export interface Probe {
  readonly host: string
  readonly port: number
}

const CONNECT_TIMEOUT_MS = 5_000
const PAUSE_MS = 500

/** `tcp://controller.example:443`, `tcp://[2001:db8::1]:22`. Throws FwctlError `usage`. */
export function parseProbe(text: string): Probe {
  const match =
    /^tcp:\/\/(?:\[([0-9a-f:.]+)\]|([a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)):(\d{1,5})$/i.exec(text)
  const port = Number(match?.[3])
  const host = match?.[1] ?? match?.[2]
  if (host !== undefined && port >= 1 && port <= 65_535) return { host, port }
  throw new FwctlError(
    'usage',
    `--confirm-probe ${text}: write it as tcp://HOST:PORT, an IPv6 address in brackets.`,
  )
}

/** In a process of its own, because that can be in another network namespace. */
const CONNECT = `
const [host, port] = process.argv.slice(1)
const socket = require('node:net').connect({ host, port: Number(port) })
socket.once('connect', () => process.exit(0))
socket.once('error', (error) => { console.error(error.message); process.exit(1) })
`

/**
 * Opens one connection to each, from the target host, again and again until all of one round succeed
 * (then it is true) or the signal ends it (false).
 */
export async function probeUntilOpen(
  executor: Executor,
  probes: readonly Probe[],
  signal: AbortSignal,
): Promise<boolean> {
  while (!signal.aborted) {
    const open = await Promise.all(probes.map((probe) => connects(executor, probe, signal)))
    if (open.every(Boolean)) return true
    await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined)
  }
  return false
}

async function connects(executor: Executor, probe: Probe, signal: AbortSignal): Promise<boolean> {
  try {
    const result = await executor.run({
      ...(await connectCommand(executor, probe)),
      timeoutMs: CONNECT_TIMEOUT_MS,
      signal,
    })
    return result.status === 0
  } catch {
    // The time limit: packets are dropped. Or the signal.
    return false
  }
}

/** Throws FwctlError `missing-program` where nothing on the host could make a connection. */
export async function connectCommand(
  executor: Executor,
  { host, port }: Probe,
): Promise<Pick<Command, 'program' | 'args'>> {
  // Where fwctl itself is, Node is.
  if (executor.machine === undefined) {
    return { program: process.execPath, args: ['-e', CONNECT, host, `${port}`] }
  }
  const bash = await executor.find('bash')
  if (bash !== undefined) {
    return { program: bash, args: ['-c', 'exec 3<> "/dev/tcp/$0/$1"', host, `${port}`] }
  }
  const nc = await executor.find('nc')
  if (nc !== undefined) return { program: nc, args: ['-z', host, `${port}`] }
  throw new FwctlError(
    'missing-program',
    `Neither bash nor nc is on ${executor.label}, so it can not be probed from there. Leave out ` +
      '--confirm-probe. Nothing was changed.',
  )
}

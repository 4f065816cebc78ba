import { hostname, userInfo } from 'node:os'
import manifest from '../../package.json' with { type: 'json' }
import type { Machine } from './executor.ts'

/** Who did something, where and with what: for snapshots and records. */
export interface Provenance {
  readonly user: string
  readonly host: string
  readonly fwctlVersion: string
}

/** What is being done to a machine by whom: for another machine, with where they are. */
export async function provenance(machine: Machine): Promise<Provenance> {
  const { host } = await machine.account()
  const isFar = host !== hostname() && !machine.isHere
  const user = isFar ? `${userName()}@${hostname()}` : userName()
  return { user, host, fwctlVersion: manifest.version }
}

/** The person behind sudo, as far as the environment says. */
function userName(): string {
  const name = process.env.SUDO_USER
  if (name) return name
  try {
    return userInfo().username
  } catch {
    // No entry in /etc/passwd, as in some containers.
    return `uid ${process.getuid?.()}`
  }
}

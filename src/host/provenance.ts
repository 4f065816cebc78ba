import { hostname, userInfo } from 'node:os'
import manifest from '../../package.json' with { type: 'json' }

/** Who did something, where and with what: for snapshots and records. */
export interface Provenance {
  readonly user: string
  readonly host: string
  readonly fwctlVersion: string
}

/** The person behind sudo, as far as the environment says. */
export function provenance(): Provenance {
  return { user: userName(), host: hostname(), fwctlVersion: manifest.version }
}

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

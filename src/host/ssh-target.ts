import { FwctlError } from '../base/error.ts'

/** Where `--host` leads. What is absent is for the ssh client's own configuration to say. */
export interface SshTarget {
  /** A name, an alias of the configuration, or an address without brackets. */
  readonly host: string
  readonly user?: string
  readonly port?: number
}

/** Nothing that ssh could take for an option, or a shell (ProxyCommand) for more than a word. */
const HOST = /^[a-z0-9_][\w.-]*$/i
const ADDRESS = /^[0-9a-f:.]+(%[\w.-]+)?$/i
const USER = /^[a-z0-9_][\w.@+\\-]*\$?$/i

/** `ssh://[user@]host[:port]`, an IPv6 address in brackets. Throws FwctlError `usage`. */
export function parseSshTarget(text: string): SshTarget {
  const match = /^ssh:\/\/(?:(.+)@)?(?:\[([^\]]*)\]|([^:@[\]/]*))(?::(\d{1,5}))?\/?$/.exec(text)
  const [, user, address, name, digits] = match ?? []
  const host = address ?? name ?? ''
  const port = digits === undefined ? undefined : Number(digits)
  const isGood =
    (address === undefined ? HOST : ADDRESS).test(host) &&
    (user === undefined || USER.test(user)) &&
    (port === undefined || (port >= 1 && port <= 65_535))
  if (isGood) {
    return {
      host,
      ...(user === undefined ? {} : { user }),
      ...(port === undefined ? {} : { port }),
    }
  }
  throw new FwctlError(
    'usage',
    `--host ${text}: write it as ssh://[USER@]HOST[:PORT], an IPv6 address in brackets.`,
  )
}

/** The way it is written on the command line. */
export function formatSshTarget({ host, user, port }: SshTarget): string {
  const name = host.includes(':') ? `[${host}]` : host
  return `ssh://${user === undefined ? '' : `${user}@`}${name}${port === undefined ? '' : `:${port}`}`
}

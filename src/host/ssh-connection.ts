/**
 * One connection of the system's ssh client, over which everything else goes.
 *
 * Goals, and how each is met:
 * 1. It is the user's own ssh: configuration, agent, known hosts, jump hosts. Nothing is asked for
 *    (BatchMode), and nothing that ssh checks is left out.
 * 2. One login. The first client is the master (ControlMaster) with its socket in a directory that
 *    nobody else can enter; the others only use that socket, and fail when it is gone: a connection that
 *    was lost is never made anew behind anybody's back, for the locks that it held are lost too.
 * 3. It ends with fwctl, however that ends: the master runs a script there that reads from fwctl.
 * 4. A dead link is noticed on both sides. Here ssh asks for a sign of life every ten seconds, and gives
 *    up after three. There the script wants to hear from fwctl within a minute; else it ends the
 *    connection's own sshd, so that the locks of a laptop that was shut are free again.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { FwctlError } from '../base/error.ts'
import { type Account, PROGRAM_DIRECTORIES } from './executor.ts'
import { AWKWARD_WORD, farLine } from './far-script.ts'
import { localExecutor } from './local-executor.ts'
import { decodeText } from './lossless-text.ts'
import { formatSshTarget, type SshTarget } from './ssh-target.ts'

export interface SshOptions {
  /** Instead of ~/.ssh/config and the system's: `ssh -F`. */
  readonly configFile?: string | undefined
  /** For ssh (SSH_AUTH_SOCK, and what a ProxyCommand needs); default: that of fwctl. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Ends the attempt to connect. */
  readonly signal?: AbortSignal | undefined
}

export interface SshConnection {
  /** As the command line has it. */
  readonly name: string
  /** The ssh client, and the words before the line that is to be run. */
  readonly client: string
  readonly args: readonly string[]
  readonly account: Account
  /** Where some programs are there; one that is not among them has not been looked for. */
  readonly programs: ReadonlyMap<string, string | undefined>
  /** Why it has ended; undefined while it lasts. */
  readonly lost: () => string | undefined
  close(): Promise<void>
}

const CONNECT_SECONDS = 30
const BEAT_MS = 10_000

/** Looked for at once, so that there is one round trip for all. */
const PROGRAMS = [
  ...['iptables', 'ip6tables'].flatMap((name) =>
    ['', '-nft', '-legacy'].flatMap((kind) => [`${name}${kind}-save`, `${name}${kind}-restore`]),
  ),
  ...['cat', 'flock', 'ipset', 'nft', 'nsenter', 'readlink', 'sudo', 'systemd-run', 'unshare'],
]

/** Says who and where we are, and listens until it hears no more. */
const GREET = `
word=$1 directories=$2
shift 2
echo "uid $(id -u)"
printf 'home %s\\n' "$HOME"
printf 'state %s\\n' "$XDG_STATE_HOME"
printf 'peer %s\\n' "$SSH_CONNECTION"
echo "host $(uname -n)"
for name; do
  path=
  for directory in $directories; do
    [ -x "$directory/$name" ] && [ ! -d "$directory/$name" ] && path=$directory/$name && break
  done
  echo "program $name $path"
done
printf 'word %s\\n' "$word"
echo end
read -r line && echo "$line"
while :; do
  beat=$(timeout 60 dd bs=512 count=1 2> /dev/null)
  status=$?
  [ $status -eq 0 ] || break
  [ -n "$beat" ] || exit 0
done
case $(cat "/proc/$PPID/comm" 2> /dev/null) in sshd* | dropbear*) kill "$PPID" ;; esac`

/** Throws FwctlError `missing-program` without an ssh client, `connection-lost` with what ssh said. */
export async function connectSsh(
  target: SshTarget,
  options: SshOptions = {},
): Promise<SshConnection> {
  const name = formatSshTarget(target)
  const client = await localExecutor().find('ssh')
  if (client === undefined) {
    throw new FwctlError('missing-program', 'There is no ssh client here (openssh-client).')
  }
  const directory = privateDirectory(options.env ?? process.env)
  const removeDirectory = (): void => rmSync(directory, { recursive: true, force: true })
  process.once('exit', removeDirectory)
  const socket = join(directory, 's')
  const child = execa(client, masterArguments(target, socket, options), {
    stdin: 'pipe',
    buffer: false,
    reject: false,
    cwd: '/',
    env: { ...(options.env ?? process.env) },
    extendEnv: false,
    // Ctrl-C is for fwctl alone.
    detached: true,
  })
  let said = ''
  let lost: string | undefined
  child.stderr.on('data', (bytes: Buffer) => {
    said = `${said}${decodeText(bytes)}`.slice(-2000)
  })
  child.stdin.on('error', () => {
    // The connection is gone, which its end tells.
  })
  const ended = child.then(({ exitCode, signal }) => {
    clearInterval(beat)
    const how = signal === undefined ? `ssh exited with ${exitCode}` : `ssh was ended by ${signal}`
    lost ??= said.trim().replaceAll(/\s*\n\s*/g, '; ') || how
    process.off('exit', removeDirectory)
    removeDirectory()
  })
  const beat = setInterval(() => child.stdin.write('.'), BEAT_MS)
  beat.unref()
  const close = async (): Promise<void> => {
    lost ??= 'it was closed'
    child.stdin.end()
    await ended
  }
  const giveUp = (): boolean => child.kill('SIGTERM')
  options.signal?.addEventListener('abort', giveUp)
  if (options.signal?.aborted) giveUp()
  const greeting = await Promise.race([readGreeting(child), ended])
  options.signal?.removeEventListener('abort', giveUp)
  if (greeting === undefined) {
    await close()
    throw notConnected(name, said.trim() || lost || 'there was no answer')
  }
  if (greeting.get('word') !== AWKWARD_WORD) {
    await close()
    throw new FwctlError(
      'refused',
      `The login shell on ${name} does not read quoted words as a POSIX shell does, so nothing can be ` +
        'run there safely. Use a user whose shell is sh, bash, dash or zsh. Nothing was changed.',
    )
  }
  const account = {
    uid: Number(greeting.get('uid')),
    env: {
      HOME: greeting.get('home'),
      XDG_STATE_HOME: greeting.get('state') || undefined,
      SSH_CONNECTION: greeting.get('peer') || undefined,
    },
    host: greeting.get('host') ?? target.host,
  }
  const programs = new Map(
    PROGRAMS.map((program) => [program, greeting.get(`program ${program}`) || undefined]),
  )
  // None of these would lead anywhere without the socket.
  const args = ['-F', 'none', '-S', socket, '-o', 'ControlMaster=no', '-o', 'ProxyCommand=false']
  const destination = ['-o', 'BatchMode=yes', '-T', '--', 'fwctl']
  return {
    name,
    client,
    args: [...args, ...destination],
    account,
    programs,
    lost: () => lost,
    close,
  }
}

/** Words for ssh that stand above the configuration's. */
function masterArguments(
  { host, user, port }: SshTarget,
  socket: string,
  { configFile }: SshOptions,
): readonly string[] {
  const settings = {
    BatchMode: 'yes',
    ClearAllForwardings: 'yes',
    ConnectTimeout: `${CONNECT_SECONDS}`,
    ControlMaster: 'yes',
    ControlPath: socket,
    ControlPersist: 'no',
    ForkAfterAuthentication: 'no',
    ForwardAgent: 'no',
    ForwardX11: 'no',
    LogLevel: 'ERROR',
    PermitLocalCommand: 'no',
    RemoteCommand: 'none',
    RequestTTY: 'no',
    ServerAliveCountMax: '3',
    ServerAliveInterval: '10',
    StdinNull: 'no',
  }
  return [
    ...(configFile === undefined ? [] : ['-F', configFile]),
    ...Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]),
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', `${port}`]),
    '--',
    host,
    farLine(GREET, [AWKWARD_WORD, PROGRAM_DIRECTORIES.join(' '), ...PROGRAMS]),
  ]
}

interface Talking {
  readonly stdin: { write(text: string): unknown }
  readonly stdout: { on(event: 'data', listener: (bytes: Buffer) => void): unknown }
}

/** What `GREET` says by its first words, once it listens. A login script may say things before. */
function readGreeting({ stdin, stdout }: Talking): Promise<ReadonlyMap<string, string>> {
  return new Promise((resolve) => {
    let text = ''
    stdin.write('ready\n')
    stdout.on('data', (bytes) => {
      text += decodeText(bytes)
      const [, body] = /(?:^|\n)(uid \d+\n[\s\S]*)\nend\nready\n$/.exec(text) ?? []
      if (body === undefined) return
      const [lines = '', word = ''] = body.split('\nword ')
      const pairs = lines.split('\n').map((line): [string, string] => {
        const [, key = '', value = ''] = /^(program \S+|\S+) ?(.*)$/.exec(line) ?? []
        return [key, value]
      })
      resolve(new Map([...pairs, ['word', word]]))
    })
  })
}

/** The path of a socket is at most some 100 bytes, of which ssh needs 17 while it makes it. */
const LONGEST_PATH = 60

function privateDirectory(env: Readonly<Record<string, string | undefined>>): string {
  const places = [env.XDG_RUNTIME_DIR, env.TMPDIR, '/tmp']
  for (const place of places) {
    if (place === undefined || !place.startsWith('/') || place.length > LONGEST_PATH) continue
    try {
      return mkdtempSync(join(place, 'fwctl-ssh-'))
    } catch {
      // not there, or not ours
    }
  }
  throw new FwctlError('command-failed', 'There is no directory for the socket of ssh (TMPDIR).')
}

function notConnected(name: string, said: string): FwctlError {
  const hint = /host key verification failed|no .*host key is known/i.test(said)
    ? ' Connect once by hand (ssh) and compare the fingerprint: fwctl asks nothing and trusts nobody new.'
    : /permission denied/i.test(said)
      ? ' fwctl types no passwords: use a key in the agent, or without a passphrase.'
      : ''
  return new FwctlError(
    'connection-lost',
    `${name} can not be reached: ${said.replaceAll(/\s*\n\s*/g, '; ')}.${hint} Nothing was changed.`,
  )
}

/** For an operation that was under way. */
export function connectionLost({ name, lost }: SshConnection, during: string): FwctlError {
  return new FwctlError(
    'connection-lost',
    `The connection to ${name} was lost while ${during} (${lost() ?? 'ssh does not say why'}).`,
  )
}

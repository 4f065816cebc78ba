import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { temporaryFolder } from '../cli/run-cli.ts'

/**
 * A machine behind a real sshd: network, /run, /var/lib and /etc of its own, so that what fwctl keeps
 * on it is seen from nowhere else. It is reached by the `fwctl-far` of the ssh configuration.
 */
export interface FarMachine extends AsyncDisposable {
  /** For `--host`, without and with the user. */
  readonly host: string
  /** For `--ssh-config`. */
  readonly config: string
  readonly folder: string
  /** The process that keeps its namespaces. */
  readonly pid: number
  /** Runs a program there; throws when that fails. Returns its stdout. */
  run(program: string, args: readonly string[], input?: string): string
  /** Ends the connections' own sshd processes, as a crash or `systemctl stop` would. */
  endSessions(): void
  /** What sshd says. */
  log(): string
}

const PORT = 2222

export async function farMachine(
  options: {
    /** A script that root logs in with, instead of sh. */
    readonly shell?: string
    /** More lines for sshd_config. */
    readonly sshd?: readonly string[]
    /** More to be done as root before sshd starts; `/etc` is the machine's own by then. */
    readonly setUp?: string
  } = {},
): Promise<FarMachine> {
  const folder = temporaryFolder()
  const at = (name: string): string => join(folder.path, name)
  for (const key of ['host_key', 'user_key']) {
    must(spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(key)]))
  }
  mkdirSync(at('etc'))
  // The users of the machine come to their scripts and keys.
  chmodSync(folder.path, 0o755)
  writeFileSync(at('shell'), options.shell ?? '#!/bin/sh\nexec /bin/sh "$@"\n', { mode: 0o755 })
  writeFileSync(at('authorized_keys'), readFileSync(at('user_key.pub')), { mode: 0o644 })
  writeFileSync(
    at('sshd_config'),
    [
      `HostKey ${at('host_key')}`,
      `AuthorizedKeysFile ${at('authorized_keys')}`,
      `ListenAddress 127.0.0.1:${PORT}`,
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'PidFile none',
      ...(options.sshd ?? []),
      '',
    ].join('\n'),
  )
  const setUp = `
    set -e
    mount -t tmpfs tmpfs /run
    mkdir -p /run/sshd /run/netns
    mount -t tmpfs -o mode=755 tmpfs /var/lib
    cp -a /etc/. ${at('etc')}
    mount --bind ${at('etc')} /etc
    sed -i 's|^root:[^:]*:|root:*:|' /etc/shadow
    sed -i 's|^\\(root:.*:\\)[^:]*$|\\1${at('shell')}|' /etc/passwd
    ${options.setUp ?? ''}
    ip link set lo up
    exec /usr/sbin/sshd -D -e -f ${at('sshd_config')}`
  const sshd: ChildProcess = spawn('unshare', ['--net', '--mount', 'sh', '-c', setUp], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  sshd.stderr?.on('data', (bytes: Buffer) => {
    log += bytes.toString()
  })
  const pid = sshd.pid ?? 0
  const hostKey = readFileSync(at('host_key.pub'), 'utf8').split(' ').slice(0, 2).join(' ')
  writeFileSync(at('known_hosts'), `fwctl-far ${hostKey}\n`)
  writeFileSync(at('connect.cjs'), CONNECT)
  writeFileSync(
    at('ssh_config'),
    [
      'Host fwctl-far',
      `IdentityFile ${at('user_key')}`,
      'IdentitiesOnly yes',
      `UserKnownHostsFile ${at('known_hosts')}`,
      'GlobalKnownHostsFile /dev/null',
      `ProxyCommand nsenter --net=/proc/${pid}/ns/net -- ${process.execPath} ${at('connect.cjs')} ${PORT}`,
      '',
    ].join('\n'),
  )
  const enter = ['--net', '--mount', '-t', `${pid}`, '--']
  const run: FarMachine['run'] = (program, args, input) =>
    must(spawnSync('nsenter', [...enter, program, ...args], { input: input ?? '' }))
  for (let wait = 0; !log.includes('Server listening'); wait++) {
    if (wait > 200 || sshd.exitCode !== null) throw new Error(`sshd did not start: ${log}`)
    await sleep(50)
  }
  return {
    host: 'ssh://fwctl-far',
    config: at('ssh_config'),
    folder: folder.path,
    pid,
    run,
    endSessions: () => {
      for (const child of childrenOf(pid)) endIfThere(child, 'SIGKILL')
    },
    log: () => log,
    [Symbol.asyncDispose]: async () => {
      const end = new Promise((resolve) => sshd.once('exit', resolve))
      for (const child of childrenOf(pid)) endIfThere(child, 'SIGTERM')
      sshd.kill()
      await end
      folder[Symbol.dispose]()
    },
  }
}

/** Between ssh and the port: a ProxyCommand that needs no nc. */
const CONNECT = `
const socket = require('node:net').connect(Number(process.argv[2]), '127.0.0.1')
process.stdin.pipe(socket).pipe(process.stdout)
socket.on('error', () => process.exit(1))
socket.on('close', () => process.exit(0))
`

/** It may have come to its own end since it was looked for. */
function endIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.split(' ').filter(Boolean).map(Number)
}

function must(result: ReturnType<typeof spawnSync>): string {
  if (result.status === 0) return result.stdout.toString()
  throw new Error(`${result.status}: ${result.stderr} ${result.error ?? ''}`)
}

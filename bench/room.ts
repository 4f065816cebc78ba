/**
 * Network and mount namespaces of a benchmark's own, in which programs run and are measured. The host's
 * rules, files and locks are out of their sight: /run, with the lock of xtables, is an empty one.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { arch, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { Backend } from '../src/ruleset/model.ts'

export interface Command {
  readonly argv: readonly string[]
  /** A file. */
  readonly stdin?: string
  /** Where its stdout goes; it is thrown away without. */
  readonly stdout?: string
}

export interface Measurement {
  readonly wallMs: number
  /** User and system time of the process and all its descendants. */
  readonly cpuMs: number
  /** Of the largest of these processes. */
  readonly peakMb: number
}

export interface Room extends AsyncDisposable {
  /** For files of this room; HOME and all XDG folders are in it. */
  readonly folder: string
  /** Of a process in its namespaces. */
  readonly pid: number
  /** Throws when it fails. One at a time. */
  measure(command: Command): Promise<Measurement>
  /** The same, for its stdout. */
  run(argv: readonly string[], input?: string): Promise<string>
  /** The path of a new file in the folder. */
  write(name: string, text: string): string
}

export interface RoomOptions {
  /** Makes plain `iptables` this one and hides the other, for tools that choose by themselves. */
  readonly only?: Backend
}

/** wait4 and clock_gettime. */
const SYSTEM_CALLS: Readonly<Record<string, readonly [number, number]>> = {
  x64: [61, 228],
  arm64: [260, 113],
}

const SETUP = ['mount -t tmpfs tmpfs /run', 'mount -t tmpfs tmpfs /var/cache', 'ip link set lo up']

export async function openRoom({ only }: RoomOptions = {}): Promise<Room> {
  const calls = SYSTEM_CALLS[arch()]
  if (calls === undefined) throw new Error(`the numbers of system calls on ${arch()} are not known`)
  const folder = mkdtempSync(join(tmpdir(), 'fwctl-bench-'))
  const clean = (): void => rmSync(folder, { recursive: true, force: true })
  process.once('exit', clean)
  const setup = [...SETUP, ...(only === undefined ? [] : pin(only))].join('\n')
  const server = ['perl', join(import.meta.dirname, 'room.pl'), ...calls.map(String)]
  const child = spawn(
    'unshare',
    [
      ...['--net', '--mount', '--propagation', 'private', '--'],
      ...['sh', '-ec', `${setup}\necho ready $$\nexec "$@"`, 'sh', ...server],
    ],
    { stdio: ['pipe', 'pipe', 'inherit'], env: environment(folder) },
  )
  const closed = once(child, 'close')
  const ask = conversation(child)
  const { 1: pid = '' } = (await ask()).split(' ')
  if (readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync('/proc/self/ns/net')) {
    throw new Error('the room has no network namespace of its own')
  }

  const measure = async ({ argv, stdin, stdout }: Command): Promise<Measurement> => {
    const errors = join(folder, 'stderr')
    const line = [stdin ?? '/dev/null', stdout ?? '/dev/null', errors, ...argv].join('\x1f')
    if (line.includes('\n')) throw new Error(`a line break in ${line}`)
    const [status = 0, wall = 0, user = 0, system = 0, peak = 0] = (await ask(line))
      .split(' ')
      .map(Number)
    if (status !== 0) {
      const said = readFileSync(errors, 'utf8').slice(0, 2000)
      throw new Error(`${argv.join(' ')}: wait status ${status}\n${said}`)
    }
    return { wallMs: wall * 1000, cpuMs: (user + system) * 1000, peakMb: peak / 1024 }
  }
  const write = (name: string, text: string): string => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }
  return {
    folder,
    pid: Number(pid),
    measure,
    write,
    run: async (argv, input) => {
      const stdout = join(folder, 'stdout')
      const stdin = input === undefined ? {} : { stdin: write('stdin', input) }
      await measure({ argv, stdout, ...stdin })
      return readFileSync(stdout, 'utf8')
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end()
      await closed
      process.off('exit', clean)
      clean()
    },
  }
}

/** Nothing of the caller's: not its NODE_EXTRA_CA_CERTS above all, which doubles Node's start. */
function environment(folder: string): NodeJS.ProcessEnv {
  const path = (name: string): string => {
    mkdirSync(join(folder, name))
    return join(folder, name)
  }
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LANG: 'C.UTF-8',
    HOME: path('home'),
    XDG_CACHE_HOME: path('cache'),
    XDG_STATE_HOME: path('xdg-state'),
    XDG_CONFIG_HOME: path('config'),
    XDG_RUNTIME_DIR: path('runtime'),
  }
}

/** Debian's alternatives, copied and changed; ferm looks for the legacy ones all the same. */
function pin(backend: Backend): readonly string[] {
  const other = backend === 'nft' ? 'legacy' : 'nft'
  return [
    'mkdir /run/alternatives',
    'cp -a /etc/alternatives/. /run/alternatives/',
    'for tool in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore',
    `do ln -sf "/usr/sbin/$(echo $tool | sed 's/tables/tables-${backend}/')" /run/alternatives/$tool`,
    'done',
    'mount --bind /run/alternatives /etc/alternatives',
    'touch /run/nothing',
    `mount --bind /run/nothing /usr/sbin/xtables-${other}-multi`,
  ]
}

/** Sends a line and waits for one; the first is waited for without. */
function conversation(
  child: ChildProcessByStdio<Writable, Readable, null>,
): (line?: string) => Promise<string> {
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return async (line) => {
    if (line !== undefined) child.stdin.write(`${line}\n`)
    const answer = await lines.next()
    if (answer.done) throw new Error('the namespaces of a benchmark could not be made, or are gone')
    return answer.value
  }
}

/** The network namespace of a container, found by the program that runs it. */
import { FwctlError } from '../base/error.ts'
import { describeResult, type Executor } from './executor.ts'
import { netnsExecutor } from './netns-executor.ts'

export interface Container {
  readonly engine: Engine
  readonly name: string
  /** Its first process, as its machine numbers it. */
  readonly pid: number
}

export type Engine = 'docker' | 'podman' | 'nerdctl' | 'crictl' | 'machinectl' | 'lxc'

const STATE_PID = ['--format', '{{.State.Pid}}'] as const

/** How each is asked for the number of a container's first process. */
const ENGINES: Readonly<
  Record<Engine, { readonly program: string; readonly ask: readonly string[] }>
> = {
  docker: { program: 'docker', ask: ['inspect', '--type', 'container', ...STATE_PID] },
  podman: { program: 'podman', ask: ['inspect', '--type', 'container', ...STATE_PID] },
  nerdctl: { program: 'nerdctl', ask: ['inspect', ...STATE_PID] },
  crictl: {
    program: 'crictl',
    ask: ['inspect', '--output', 'go-template', '--template', '{{.info.pid}}'],
  },
  machinectl: { program: 'machinectl', ask: ['show', '--property=Leader', '--value'] },
  lxc: { program: 'lxc-info', ask: ['--pid', '--no-humanize', '--name'] },
}

const TIMEOUT_MS = 30_000
const NAME = /^[a-z0-9][\w.-]*$/i

/**
 * `NAME`, or `ENGINE:NAME` where several know one of that name; NAME is whatever the engine takes, an id
 * too. Throws FwctlError `usage` when there is none that runs, and `refused` when it has no network of
 * its own.
 */
export async function findContainer(base: Executor, text: string): Promise<Container> {
  const [, engine, name = ''] = /^(?:([a-z]+):)?(.*)$/.exec(text) ?? []
  if (!NAME.test(name) || (engine !== undefined && !(engine in ENGINES))) {
    throw new FwctlError(
      'usage',
      `--container ${text}: write NAME or ENGINE:NAME; an engine is one of ${Object.keys(ENGINES).join(', ')}.`,
    )
  }
  const engines = (Object.keys(ENGINES) as Engine[]).filter(
    (one) => engine === undefined || one === engine,
  )
  const answers = await Promise.all(engines.map((one) => ask(base, one, name)))
  const found = answers.flatMap((answer) => (typeof answer === 'object' ? [answer] : []))
  const [first, second] = found
  if (first === undefined) {
    const said = answers.filter((answer) => typeof answer === 'string')
    const why = said.length > 0 ? said.join('; ') : 'none of them is installed'
    throw new FwctlError(
      'usage',
      `There is no container ${name} on ${base.label} that runs, as far as ${engines.join(', ')} know: ${why}.`,
    )
  }
  if (second !== undefined && second.pid !== first.pid) {
    throw new FwctlError(
      'usage',
      `${found.map((one) => one.engine).join(' and ')} both have a container ${name}: say which one, ` +
        `--container ${first.engine}:${name}.`,
    )
  }
  await requireOwnNetwork(base, first)
  return first
}

/** Runs programs of the machine, its iptables too, in the network of the container. */
export function containerExecutor(base: Executor, { engine, name, pid }: Container): Executor {
  return {
    ...netnsExecutor(base, { kind: 'process', pid }),
    label: `container ${name} (${engine})`,
    stateKey: `container-${engine}-${name}`,
  }
}

/** Undefined: the engine is not there. A text: why it says nothing. */
async function ask(
  base: Executor,
  engine: Engine,
  name: string,
): Promise<Container | string | undefined> {
  const { program, ask } = ENGINES[engine]
  if ((await base.find(program)) === undefined) return undefined
  const result = await base.run({ program, args: [...ask, name], timeoutMs: TIMEOUT_MS })
  const pid = Number(/^\s*(\d+)\s*$/.exec(result.stdout)?.[1] ?? Number.NaN)
  if (result.status !== 0 || Number.isNaN(pid)) {
    return `${engine}: ${describeResult(result).replaceAll(/\s+/g, ' ')}`
  }
  return pid === 0 ? `${engine}: it does not run` : { engine, name, pid }
}

async function requireOwnNetwork(base: Executor, { engine, name, pid }: Container): Promise<void> {
  const links = await Promise.all(
    [`/proc/${pid}/ns/net`, '/proc/self/ns/net'].map((path) =>
      base.run({ program: 'readlink', args: ['--', path], timeoutMs: TIMEOUT_MS }),
    ),
  )
  const [its, own] = links.map((link) => (link.status === 0 ? link.stdout : undefined))
  if (its === undefined) {
    throw new FwctlError(
      'no-permission',
      `The network namespace of container ${name} (process ${pid}) can not be seen: run fwctl as root.`,
    )
  }
  if (its !== own) return
  throw new FwctlError(
    'refused',
    `Container ${name} (${engine}) has no network of its own, it uses that of ${base.label}. To change ` +
      'the rules there, leave out --container. Nothing was changed.',
  )
}

import type { Executor } from '../../src/host/executor.ts'
import { localExecutor } from '../../src/host/local-executor.ts'
import { netnsExecutor } from '../../src/host/netns-executor.ts'
import { type Backend, FAMILIES, type Family } from '../../src/ruleset/model.ts'

/** Both back ends and both families, as rows for `test.each`. */
export const KERNELS: readonly (readonly [Backend, Family])[] = (
  ['nft', 'legacy'] as const
).flatMap((backend) => FAMILIES.map((family) => [backend, family] as const))

export const BACKENDS: readonly Backend[] = ['nft', 'legacy']

/** A network namespace of the test's own. */
export interface Scratch extends AsyncDisposable {
  readonly executor: Executor
  /** The process that keeps it: when that goes, and it goes with the test, the namespace is gone. */
  readonly pid: number
  /** Runs a program in it; throws when that fails. Returns its stdout. */
  run(program: string, args: readonly string[], input?: string): Promise<string>
  /** Loads a dump with the back end's own iptables-restore. */
  load(backend: Backend, family: Family, dump: string): Promise<void>
  /** What iptables-save -c prints, without the lines that hold the time. */
  save(backend: Backend, family: Family): Promise<string>
}

/** The host's own namespace is never entered: everything goes through this one's executor. */
export async function scratchNamespace(): Promise<Scratch> {
  const local = localExecutor()
  const holder = await local.hold({
    program: 'unshare',
    args: ['--net', 'cat'],
    timeoutMs: 10_000,
  })
  const executor = netnsExecutor(local, { kind: 'process', pid: holder.pid })
  const run: Scratch['run'] = async (program, args, input) => {
    const result = await executor.run({
      program,
      args,
      timeoutMs: 60_000,
      ...(input === undefined ? {} : { input }),
    })
    if (result.status === 0) return result.stdout
    throw new Error(`${program} ${args.join(' ')}: ${result.status} ${result.stderr}`)
  }
  return {
    executor,
    pid: holder.pid,
    run,
    load: async (backend, family, dump) => {
      await run(`${tool(family)}-${backend}-restore`, ['--noflush', '--counters'], dump)
    },
    save: async (backend, family) =>
      withoutTimes(await run(`${tool(family)}-${backend}-save`, ['-c'])),
    [Symbol.asyncDispose]: () => holder.stop(),
  }
}

/** A dump without the two comment lines per table that hold the time. */
export function withoutTimes(dump: string): string {
  return dump.replaceAll(/^# (Generated|Completed) .*\n/gm, '')
}

/** A dump with every counter at zero. */
export function withoutCounters(dump: string): string {
  return withoutTimes(dump).replaceAll(/\[\d+:\d+\]/g, '[0:0]')
}

function tool(family: Family): string {
  return family === 'ipv4' ? 'iptables' : 'ip6tables'
}

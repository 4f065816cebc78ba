import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { localExecutor } from '../../src/host/local-executor.ts'
import { netnsExecutor } from '../../src/host/netns-executor.ts'
import type { Backend, Family } from '../../src/ruleset/model.ts'
import { type CliResult, runCli, temporaryFolder, verbOf } from '../cli/run-cli.ts'
import { withoutTimes } from './namespace.ts'

/** A network namespace with a name, a folder for files and one for state, and fwctl for them. */
export interface CliNamespace extends AsyncDisposable {
  readonly name: string
  readonly folder: string
  readonly stateDir: string
  /** `--netns`, `--backend` and `--state-dir` are added where the verb takes them. */
  fwctl(argv: readonly string[], options?: Parameters<typeof runCli>[1]): Promise<CliResult>
  write(file: string, text: string): void
  run(program: string, args: readonly string[], input?: string): Promise<string>
  load(family: Family, dump: string): Promise<void>
  /** `iptables-save -c` without the lines that hold the time. */
  save(family: Family): Promise<string>
}

export async function cliNamespace(backend: Backend): Promise<CliNamespace> {
  const local = localExecutor()
  const name = `fwctl-test-${process.pid}-${randomBytes(3).toString('hex')}`
  const must = async (executor: typeof local, program: string, args: string[], input?: string) => {
    const result = await executor.run({
      program,
      args,
      timeoutMs: 60_000,
      ...(input === undefined ? {} : { input }),
    })
    if (result.status === 0) return result.stdout
    throw new Error(`${program} ${args.join(' ')}: ${result.status} ${result.stderr}`)
  }
  await must(local, 'ip', ['netns', 'add', name])
  const inside = netnsExecutor(local, { kind: 'name', name })
  const folder = temporaryFolder()
  const stateDir = join(folder.path, 'state')
  const run: CliNamespace['run'] = (program, args, input) => must(inside, program, [...args], input)
  return {
    name,
    folder: folder.path,
    stateDir,
    fwctl: (argv, options) => {
      const verb = verbOf(argv.slice(0, 1))
      if (verb === undefined) throw new Error(`the verb comes first, not ${argv[0]}`)
      // As the verb's own table says, so that none is forgotten: without them it means the machine itself.
      const known = { netns: name, backend, stateDir } as const
      const flags = { netns: '--netns', backend: '--backend', stateDir: '--state-dir' } as const
      const more = (['netns', 'backend', 'stateDir'] as const)
        .filter((option) => verb.shared.includes(option))
        .flatMap((option) => [flags[option], known[option]])
      return runCli([...argv, ...more], { cwd: folder.path, ...options })
    },
    write: (file, text) => writeFileSync(join(folder.path, file), text),
    run,
    load: async (family, dump) => {
      await run(`${tool(family)}-${backend}-restore`, ['--counters'], dump)
    },
    save: async (family) => withoutTimes(await run(`${tool(family)}-${backend}-save`, ['-c'])),
    [Symbol.asyncDispose]: async () => {
      await must(local, 'ip', ['netns', 'del', name])
      folder[Symbol.dispose]()
    },
  }
}

function tool(family: Family): string {
  return family === 'ipv4' ? 'iptables' : 'ip6tables'
}

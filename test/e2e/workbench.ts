import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ApplyOutcome, type ApplyRequest, applyPlan } from '../../src/host/apply.ts'
import { detectBackend } from '../../src/host/backend.ts'
import type { Executor } from '../../src/host/executor.ts'
import { parseLive, readLive } from '../../src/host/live.ts'
import { openStateDir, type StateDir } from '../../src/host/state-dir.ts'
import { makePlan, type Plan } from '../../src/plan/plan.ts'
import type { Backend, Family, Ruleset } from '../../src/ruleset/model.ts'
import { type Scratch, scratchNamespace } from './namespace.ts'

/** A namespace of one back end, a state directory, and the way from a dump to an apply. */
export interface Workbench extends AsyncDisposable {
  readonly backend: Backend
  readonly scratch: Scratch
  readonly stateDir: StateDir
  readonly stateRoot: string
  /** A plan to make the given families exactly what the dumps say. */
  planTo(goals: Readonly<Partial<Record<Family, string>>>): Promise<Plan>
  apply(plan: Plan, options?: Partial<ApplyRequest>): Promise<ApplyOutcome>
  save(family: Family): Promise<string>
  load(family: Family, dump: string): Promise<void>
}

export async function workbench(backend: Backend): Promise<Workbench> {
  const scratch = await scratchNamespace()
  const stateRoot = await mkdtemp(join(tmpdir(), 'fwctl-test-'))
  const stateDir = await openStateDir(stateRoot, {})
  const tools = await detectBackend(scratch.executor, backend)
  const ruleset = (family: Family, text: string): Ruleset => {
    const dialect = tools.families[family]?.dialect
    if (!dialect) throw new Error(`no ${backend} iptables for ${family}`)
    return parseLive(text, { family, dialect, file: 'goal' }).ruleset
  }
  return {
    backend,
    scratch,
    stateDir,
    stateRoot,
    planTo: async (goals) => {
      const families = Object.keys(goals) as Family[]
      const live = await readLive(scratch.executor, tools, { families })
      return makePlan({
        families: families.flatMap((family) => {
          const now = live[family]
          if (!now) return []
          const { dialect } = now
          return [{ dialect, live: now.ruleset, target: ruleset(family, goals[family] ?? '') }]
        }),
      })
    },
    apply: (plan, options = {}) =>
      applyPlan({
        executor: scratch.executor,
        backend: tools,
        stateDir,
        plan,
        reason: 'test',
        rehearse: 'required',
        ...options,
      }),
    save: (family) => scratch.save(backend, family),
    load: (family, dump) => scratch.load(backend, family, dump),
    [Symbol.asyncDispose]: async () => {
      await scratch[Symbol.asyncDispose]()
      await rm(stateRoot, { recursive: true, force: true })
    },
  }
}

/** An executor that does something else when a restore of this family is to run outside a rehearsal. */
export function interceptRestore(
  executor: Executor,
  family: Family,
  instead: (run: () => ReturnType<Executor['run']>) => ReturnType<Executor['run']>,
): Executor {
  const name = family === 'ipv4' ? /\/iptables-\w+-restore$/ : /\/ip6tables-\w+-restore$/
  return {
    ...executor,
    run: (command) => {
      const run = () => executor.run(command)
      return name.test(command.program) ? instead(run) : run()
    },
  }
}

/**
 * Applies in which something goes wrong at every step. Whatever it is: after the next run of fwctl the
 * host holds exactly the rules before or exactly the rules after, in both families, and what the
 * failed run said of it was true.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { readApplied } from '../../src/host/applied.ts'
import { detectBackend, type HostBackend } from '../../src/host/backend.ts'
import { readJournal } from '../../src/host/journal.ts'
import { recover } from '../../src/host/recover.ts'
import { listSnapshots, readSnapshot } from '../../src/host/snapshots.ts'
import { serialisePlan } from '../../src/plan/saved.ts'
import { type Backend, FAMILIES } from '../../src/ruleset/model.ts'
import { withoutCounters } from '../e2e/namespace.ts'
import { randomNumbers } from '../e2e/racing-writer.ts'
import { type Workbench, workbench } from '../e2e/workbench.ts'
import type { Fault, Report } from './fault.ts'
import type { FaultyApply } from './faulty-apply.ts'
import { SCENARIOS, type Scenario, withoutEmptyTables } from './scenarios.ts'

export interface CampaignResult {
  readonly runs: number
  /** How the hosts ended, by kind of fault: `kill: old`. */
  readonly ends: Readonly<Record<string, number>>
  /** What must not be, in words, with the fault that shows it. */
  readonly faults: readonly string[]
}

export async function campaign(options: {
  readonly backend: Backend
  readonly runs: number
  readonly seed: number
  readonly onRun?: (line: string) => void
}): Promise<CampaignResult> {
  const { backend, runs, seed, onRun } = options
  const random = randomNumbers(seed)
  await using program = await bundle()
  const steps = new Map<string, number>()
  const ends: Record<string, number> = {}
  const faults: string[] = []
  for (let n = 0; n < runs; n++) {
    const scenario = SCENARIOS[random(SCENARIOS.length)] as Scenario
    const rehearse = random(8) === 0 ? 'required' : 'off'
    const about = { backend, scenario, rehearse, program: program.path } as const
    const key = `${scenario.name} ${rehearse}`
    if (!steps.has(key)) steps.set(key, await countSteps(about))
    const fault = randomFault(random, steps.get(key) ?? 1)
    const { end, problems } = await runOnce({ ...about, fault })
    const label = `${fault.kind}: ${end}`
    ends[label] = (ends[label] ?? 0) + 1
    const line = `${n + 1}. ${scenario.name}, ${JSON.stringify(fault)}: ${end}`
    onRun?.(line)
    faults.push(...problems.map((problem) => `${line}: ${problem}`))
  }
  return { runs, ends, faults }
}

function randomFault(random: (below: number) => number, steps: number): Fault {
  const step = 1 + random(steps)
  const family = FAMILIES[random(2)] ?? 'ipv4'
  const once = random(2) === 0
  switch (random(10)) {
    case 0:
      return { kind: 'disk', step, code: 'ENOSPC', once }
    case 1:
      return { kind: 'disk', step, code: 'EROFS', once }
    case 2:
      return { kind: 'refuse', family, block: 1 + random(5), once }
    case 3:
      return { kind: 'restore-killed', family, done: once }
    case 4:
      return { kind: 'read-back', family, once }
    default: {
      const when = (['before', 'within', 'after'] as const)[random(3)] ?? 'before'
      return { kind: 'kill', step, when }
    }
  }
}

interface About {
  readonly backend: Backend
  readonly scenario: Scenario
  readonly rehearse: 'required' | 'off'
  /** The path of faulty-apply, bundled. */
  readonly program: string
}

async function countSteps(about: About): Promise<number> {
  const { report } = await runOnce({ ...about, fault: { kind: 'none' } })
  if (report?.outcome !== 'applied') throw new Error(`without a fault: ${JSON.stringify(report)}`)
  return report.steps
}

async function runOnce(input: About & { readonly fault: Fault }): Promise<{
  readonly end: string
  readonly report: Report | undefined
  readonly problems: readonly string[]
}> {
  const { backend, scenario, fault } = input
  await using bench = await workbench(backend)
  const tools = await detectBackend(bench.scratch.executor, backend)
  const after = { ipv4: scenario.after, ipv6: scenario.after }
  for (const family of FAMILIES) await bench.load(family, scenario.before)
  const old = await stateOf(bench)
  const plan = await bench.planTo(after)

  const report = await applyFaultily(bench, { ...input, backend: tools, plan: serialisePlan(plan) })
  const problems: string[] = []
  const was = await whereIs(bench, old, scenario)
  if (report === undefined ? fault.kind !== 'kill' : !isTrue(report, was)) {
    problems.push(`it said ${JSON.stringify(report)}, and the host was ${was}`)
  }
  // A program that was being killed may still be at it.
  if (fault.kind === 'kill') await settled(bench)

  const host = { executor: bench.scratch.executor, backend: tools }
  const recovery = await recover(host, bench.stateDir).catch((error) => String(error))
  const end = await whereIs(bench, old, scenario)
  if (end === 'between') {
    problems.push(
      `after the next run (${JSON.stringify(recovery)}) it is neither: ${(await stateOf(bench)).join('\n')}`,
    )
  }
  if (end === 'old' && !(await hasCounters(bench, old))) {
    problems.push(`the counters are gone: ${(await stateOf(bench)).join('\n')}`)
  }
  problems.push(...(await unreadable(bench)))
  return { end, report, problems }
}

/** What the run claims, against what the host holds. */
function isTrue(report: Report, was: 'old' | 'new' | 'between'): boolean {
  if (report.outcome === 'applied') return was === 'new'
  if (report.code === 'rollback-incomplete') return true
  const couldNotRecord = report.message?.includes('applied and checked') ?? false
  return was === (couldNotRecord ? 'new' : 'old')
}

async function stateOf(bench: Workbench): Promise<readonly string[]> {
  return Promise.all(FAMILIES.map(async (family) => withoutEmptyTables(await bench.save(family))))
}

/** The rules have those that they had. ip6tables-nft can not set any. */
async function hasCounters(bench: Workbench, old: readonly string[]): Promise<boolean> {
  const rules = (dump = ''): string => inOneOrder(dump).replaceAll(/^[:*].*$/gm, '')
  const now = await stateOf(bench)
  return FAMILIES.every(
    (family, index) =>
      (bench.backend === 'nft' && family === 'ipv6') || rules(now[index]) === rules(old[index]),
  )
}

async function whereIs(
  bench: Workbench,
  old: readonly string[],
  { after }: Scenario,
): Promise<'old' | 'new' | 'between'> {
  const now = await stateOf(bench)
  if (now.every((dump, index) => sameRules(dump, old[index] ?? ''))) return 'old'
  return now.every((dump) => sameRules(dump, withoutEmptyTables(after))) ? 'new' : 'between'
}

function sameRules(dump: string, other: string): boolean {
  const rules = (text: string): string =>
    inOneOrder(withoutCounters(text).replaceAll(/^\[0:0\] /gm, ''))
  return rules(dump) === rules(other)
}

/** The order of tables is the kernel's. */
function inOneOrder(dump: string): string {
  return dump
    .split(/(?<=^COMMIT\n)/m)
    .toSorted()
    .join('')
}

async function settled(bench: Workbench): Promise<void> {
  for (let before = ''; ; ) {
    const now = (await stateOf(bench)).join('')
    if (now === before) return
    before = now
    await new Promise((resolve) => setTimeout(resolve, 60))
  }
}

/** What of the state directory can not be read any more. */
async function unreadable(bench: Workbench): Promise<readonly string[]> {
  const problems: string[] = []
  const attempt = async (what: string, read: () => Promise<unknown>): Promise<void> => {
    await read().catch((error) => problems.push(`${what}: ${error}`))
  }
  await attempt('journal', async () => {
    if ((await readJournal(bench.stateDir)) !== undefined) throw new Error('it is still open')
  })
  await attempt('record', () => readApplied(bench.stateDir))
  for (const id of await listSnapshots(bench.stateDir)) {
    await attempt('snapshot', () => readSnapshot(bench.stateDir, id))
  }
  return problems
}

/** Undefined when it was killed. */
async function applyFaultily(
  bench: Workbench,
  input: Omit<About, 'backend'> & {
    readonly backend: HostBackend
    readonly fault: Fault
    readonly plan: string
  },
): Promise<Report | undefined> {
  const plan = join(bench.stateRoot, '..', `${process.pid}-plan.json`)
  await writeFile(plan, input.plan)
  const { backend, fault, rehearse, program } = input
  const request: FaultyApply = {
    backend,
    pid: bench.scratch.pid,
    stateRoot: bench.stateRoot,
    plan,
    rehearse,
    fault,
  }
  const child = spawn(process.execPath, [program, JSON.stringify(request)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (text) => {
    stdout += text
  })
  child.stderr.on('data', (text) => {
    stderr += text
  })
  const [status, signal] = await once(child, 'close')
  await rm(plan)
  if (signal === 'SIGKILL') return undefined
  if (status !== 0) throw new Error(`the faulty apply itself failed: ${stderr}`)
  return JSON.parse(stdout) as Report
}

/** Bundled, it starts in a third of the time. */
async function bundle(): Promise<{ readonly path: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'fwctl-faults-'))
  const path = join(folder, 'faulty-apply.mjs')
  await build({
    entryPoints: [join(import.meta.dirname, 'faulty-apply.ts')],
    outfile: path,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)",
    },
  })
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
}

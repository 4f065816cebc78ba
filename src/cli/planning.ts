/** From the command line to a plan: what `plan` and `apply` share. */
import { resolve } from 'node:path'
import type { Diagnostic } from '../base/diagnostic.ts'
import { FwctlError } from '../base/error.ts'
import { BUILTIN_NAMES } from '../extensions/builtin-names.ts'
import type { Names } from '../extensions/names.ts'
import type { AppliedRecord } from '../host/applied.ts'
import { type BegunDumps, beginDumps, type Live, readLive } from '../host/live.ts'
import { type DeclaredChains, declaredChains } from '../plan/claim.ts'
import { dialectsFor, planCompiled } from '../plan/from-policy.ts'
import type { Plan } from '../plan/plan.ts'
import type { CompiledPolicy, CompileOptions } from '../policy/compile.ts'
import { FAMILY_NAMES } from '../report/words.ts'
import { FAMILIES, type Family } from '../ruleset/model.ts'
import type { Context } from './context.ts'
import { isApplied, readRecord } from './drift-input.ts'
import { refuseErrors, type Sources } from './findings.ts'
import { completeHost, type HostInput, hostExecutor, isOffline, readDumps } from './host-input.ts'
import { likelyFamilies } from './likely-families.ts'
import {
  assumedBackend,
  assumedDialects,
  clock,
  type PolicyInput,
  readPolicy,
  wantedFamilies,
} from './policy-input.ts'
import { whileWaiting } from './progress.ts'
import { planSetsInput } from './sets-input.ts'
import { DEFAULT_POLICY } from './verb.ts'

export interface PlanInput {
  readonly plan: Plan
  readonly sources: Sources
  /** What it was made from. */
  readonly live: Live
  /** The families that it is not about, as far as they were read too. */
  readonly others: Live
  /** Of the last apply; see `readRecord`. Read once. */
  readonly record: () => Promise<AppliedRecord | undefined>
  /** Absent when the live rules came from files. */
  readonly host?: HostInput
  /** The plan for other live rules, which others have made meanwhile. */
  readonly replan: (live: Live) => Promise<Plan>
}

/** Throws `invalid-input` with everything that is wrong with the policy, whatever is with the host. */
export async function planPolicy(
  context: Context,
  options: {
    readonly signal?: AbortSignal | undefined
    /** Has to be done before the rules of the host are read. */
    readonly before?: ((host: HostInput) => Promise<void>) | undefined
    /** Called as soon as the programs of the host are known. */
    readonly met?: ((host: HostInput) => void) | undefined
  } = {},
): Promise<PlanInput> {
  const { signal } = options
  const reading = isOffline(context) ? undefined : await beginReading(context, options)
  try {
    return await planWith(reading, context, signal)
  } finally {
    reading?.stop()
  }
}

async function planWith(
  reading: HostReading | undefined,
  context: Context,
  signal: AbortSignal | undefined,
): Promise<PlanInput> {
  const input = await readPolicy(context)
  const wanted = wantedFamilies(input, context)
  const now = clock(context)
  const refuse = (found: readonly Diagnostic[]): void => refuseErrors(found, input.sources)
  const compile = compiler(input, now, refuse)
  const found = await (reading?.host ?? readDumps(wanted, context)).catch((error: unknown) => {
    // What is wrong on any host is said first, all at once.
    compile(assumedDialects(FAMILIES, assumedBackend(context)), BUILTIN_NAMES)
    throw error
  })
  const host = 'executor' in found ? found : undefined
  const names = host?.names ?? BUILTIN_NAMES
  let read: Promise<AppliedRecord | undefined> | undefined
  const record = (): Promise<AppliedRecord | undefined> => {
    read ??= readRecord(context)
    return read
  }
  if (host) {
    // While the live rules are still being read.
    record().catch(() => undefined)
    compile(dialectsFor(FAMILIES, host.backend.families), names)
  }
  if (host && (await isReading(reading))) {
    const { desired } = compile(dialectsFor(FAMILIES, host.backend.families), names)
    await compareWithRecord(desired, record)
    // What a change needs, and most plans do not: what tells rules apart is a part of the bin by itself.
    if (context.options.autoApprove === true) await import('../iptables/saved-pieces.ts')
  }
  const live =
    'executor' in found
      ? await whileWaiting(
          `Reading the rules of ${found.executor.label}`,
          readRules(found, reading, { wanted, signal }),
          context,
        )
      : found
  noteMissingFamilies(wanted, live, context)
  // A snapshot is of the host; what is read under the lock need not be read once more for it.
  const others = host && reading?.isUnderLock ? await readOthers(host, reading, wanted) : {}
  // One that is named may be another host's.
  const recordOfState = context.options.applied === undefined ? record : undefined
  const planFor = async (live: Live): Promise<Plan> => {
    const compiled = compile(dialectsFor(FAMILIES, live), names)
    const { policy } = input
    if (policy === undefined) throw new Error('no policy, and no error that says why')
    const planned = planCompiled({ ...input, policy, compiled }, live, {
      ...(await planSetsInput({ compiled, host, record: recordOfState, signal }, context)),
      previous: await declaredBefore(live, record),
      diagnostics: Object.values(live).flatMap((one) => one.diagnostics),
    })
    refuse(planned.diagnostics)
    if (planned.plan === undefined) throw new Error('no plan, and no error that says why')
    return planned.plan
  }
  const plan = await planFor(live)
  const replan = async (live: Live): Promise<Plan> => {
    read = undefined
    return planFor(live)
  }
  const { sources } = input
  return { plan, sources, live, others, record, ...(host && { host }), replan }
}

/** Families of which a dump was made for nothing else. */
async function readOthers(
  host: HostInput,
  { begun }: HostReading,
  wanted: readonly Family[],
): Promise<Live> {
  const dumps = await begun
  const families = FAMILIES.filter((family) => {
    const tools = host.backend.families[family]
    return !wanted.includes(family) && tools !== undefined && dumps.has(tools.save)
  })
  const options = { families, names: host.names, begun: dumps }
  // The plan is not about them.
  return readLive(host.executor, host.backend, options).catch(() => ({}))
}

/** Compiles once for each host that is met, which is one. */
function compiler(
  input: PolicyInput,
  now: Date,
  refuse: (found: readonly Diagnostic[]) => void,
): (dialects: CompileOptions['dialects'], names: Names) => CompiledPolicy {
  let last: { readonly dialects: string; readonly compiled: CompiledPolicy } | undefined
  return (dialects, names) => {
    const about = JSON.stringify(dialects)
    if (last?.dialects === about) return last.compiled
    const compiled = input.compile({ dialects, names, now })
    refuse([...input.diagnostics, ...compiled.diagnostics])
    last = { dialects: about, compiled }
    return compiled
  }
}

/** The rules of a host that are being read while the policy is. */
interface HostReading {
  readonly host: Promise<HostInput>
  readonly begun: Promise<BegunDumps>
  /** They were read once nobody else of fwctl could change them any more. */
  readonly isUnderLock: boolean
  /** Ends what nobody has waited for. */
  readonly stop: () => void
}

async function beginReading(
  context: Context,
  { signal, before, met }: NonNullable<Parameters<typeof planPolicy>[1]>,
): Promise<HostReading> {
  const { backend, family } = context.options
  const policy = resolve(context.cwd, context.args[0] ?? DEFAULT_POLICY)
  const needless = new AbortController()
  const opening = hostExecutor(context)
  const host = opening.then(async (executor) => {
    const completed = await completeHost(executor, backend)
    await before?.(completed)
    met?.(completed)
    return completed
  })
  const begun = (before ? host.then(({ executor }) => executor) : opening).then((executor) =>
    beginDumps(executor, backend, {
      families: family === undefined ? likelyFamilies([policy]) : [family],
      signal: signal ? AbortSignal.any([signal, needless.signal]) : needless.signal,
    }),
  )
  for (const one of [begun, host]) one.catch(() => undefined)
  if (before) await begun.catch(() => undefined)
  // The policy is read in one go: by then the programs have to be started.
  await nextTurn()
  const isUnderLock = before !== undefined
  return { host, begun, isUnderLock, stop: () => needless.abort('nobody waits for it') }
}

/**
 * Drift begins with the question whether the policy declares what it declared at the last apply. To make the texts
 * that tell takes longer than all else of a plan without changes.
 */
async function compareWithRecord(
  desired: CompiledPolicy['desired'],
  record: () => Promise<AppliedRecord | undefined>,
): Promise<void> {
  const families = (await record().catch(() => undefined))?.families ?? {}
  for (const ruleset of Object.values(desired)) {
    const applied = families[ruleset.family]
    if (applied !== undefined) isApplied(ruleset, applied)
  }
}

/** Whether there is nothing to do but to wait for the host. */
async function isReading(reading: HostReading | undefined): Promise<boolean> {
  if (reading === undefined) return false
  const results = [...(await reading.begun).values()].map(({ result }) => result)
  const ended = Promise.allSettled(results).then(() => false)
  return Promise.race([ended, nextTurn().then(() => true)])
}

async function readRules(
  { executor, backend, names }: HostInput,
  reading: HostReading | undefined,
  options: { readonly wanted: readonly Family[]; readonly signal: AbortSignal | undefined },
): Promise<Live> {
  const { wanted: families, signal } = options
  return readLive(executor, backend, {
    families,
    names,
    signal,
    ...(reading && { begun: await reading.begun }),
  })
}

async function nextTurn(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve))
}

/** What the policy declared at the last apply; a record that can not be read is no reason to stop. */
async function declaredBefore(
  live: Live,
  record: () => Promise<AppliedRecord | undefined>,
): Promise<Partial<Record<Family, DeclaredChains>>> {
  try {
    const families = (await record())?.families ?? {}
    return Object.fromEntries(
      Object.values(live).flatMap(({ family }) => {
        const desired = families[family]?.desired
        return desired === undefined ? [] : [[family, declaredChains(desired)]]
      }),
    )
  } catch (error) {
    if (error instanceof FwctlError) return {}
    throw error
  }
}

function noteMissingFamilies(wanted: readonly Family[], live: Live, { note }: Context): void {
  const missing = wanted.filter((family) => live[family] === undefined)
  if (missing.length === wanted.length) {
    throw new FwctlError(
      'usage',
      `The policy is for ${wanted.join(' and ')}, and no live rules of that family were given.`,
    )
  }
  for (const family of missing) {
    const option = family === 'ipv4' ? '--live4' : '--live6'
    note(`${FAMILY_NAMES[family]} is not looked at: there is no ${option}.`)
  }
}

/**
 * Runs a batch where it can do no harm, on the same kernel.
 *
 * Goals, and how each is met:
 * 1. What the kernel would refuse is known before the host is touched: the whole batch runs, commits
 *    included, in a network namespace of its own. (`iptables-restore --test` is no substitute: on nft
 *    it never asks the kernel, and on neither back end does it see a loop or a target in a wrong hook.)
 * 2. The prediction is tested too: what iptables-save then prints there must be the target.
 * 3. The result is about the host, not about an empty kernel: the namespace starts out with those live
 *    rules of the tables that change on which it depends (plan/rehearsal-seed.ts), and with the ipsets
 *    that the rules name, empty. Sets that change are filled and swapped in a namespace of their own
 *    (rehearse-sets.ts).
 * 4. The host sees nothing of it: neither its rules nor its xtables lock are used, and nothing is left
 *    behind even when fwctl is killed (see scratch-namespace.ts).
 * 5. A refusal leads to the rule. nft names the line; where only the COMMIT is named (legacy, and
 *    some errors of nft), ever shorter beginnings of the batch are tried until the line is found.
 */
import { FwctlError } from '../base/error.ts'
import type { Names } from '../extensions/names.ts'
import { printSave } from '../iptables/save.ts'
import { type Batch, type BatchLine, buildBatch } from '../plan/batch.ts'
import type { Change } from '../plan/change.ts'
import { diffRulesets } from '../plan/diff.ts'
import { type RehearsalSample, rehearsalSample } from '../plan/rehearsal-sample.ts'
import { rehearsalSeed } from '../plan/rehearsal-seed.ts'
import { isDefaultState } from '../plan/state.ts'
import type { TouchedChain } from '../plan/touched.ts'
import { BUILTIN_CHAINS } from '../ruleset/hooks.ts'
import type { Family, Ruleset, TableName } from '../ruleset/model.ts'
import { type HostBackend, requireTools } from './backend.ts'
import { chainListing, holdsChains } from './chain-read.ts'
import type { Executor } from './executor.ts'
import { copySetHeaders, createSets, createStandInSets, setNames, usesSets } from './ipsets.ts'
import { readLive } from './live.ts'
import { createdHeaders, rehearseSets } from './rehearse-sets.ts'
import {
  type BegunRehearsal,
  beginRehearsal,
  type RestoreOutcome,
  type RestoreRefusal,
  runRestore,
} from './restore.ts'
import { openScratchNamespace, type ScratchNamespace } from './scratch-namespace.ts'
import type { SetsEdit } from './sets.ts'

/** One family's part of what is rehearsed. */
export interface RehearsedFamily {
  readonly family: Family
  readonly live: Ruleset
  readonly target: Ruleset
  readonly batch: Batch
  /** The chains that differ; absent: any. */
  readonly touched?: readonly TouchedChain[]
}

export type Rehearsal =
  | { readonly kind: 'passed' }
  /** It could not be done here; nothing is known about the batch. */
  | { readonly kind: 'skipped'; readonly reason: string }
  | { readonly kind: 'failed'; readonly problems: readonly RehearsalProblem[] }

/** What would go wrong on the host. */
export interface RehearsalProblem {
  /** Absent when it is about the sets, which are no family's. */
  readonly family?: Family
  readonly message: string
  /** The line of the batch that is refused; its rule knows its place in the policy. */
  readonly line?: BatchLine
  /** What the read-back has that the target has not, and the reverse. */
  readonly differences?: readonly Change[]
}

export interface RehearseOptions {
  /** Of the host that the batch is meant for. */
  readonly executor: Executor
  readonly backend: HostBackend
  readonly names?: Names
  readonly families: readonly RehearsedFamily[]
  /** What the plan makes of the ipsets. */
  readonly sets?: SetsEdit | undefined
  /** `stand-in`: sets that the host does not have are made up, for a check that is not about it. */
  readonly missingSets?: 'refuse' | 'stand-in'
  /** A part of the rules will do where the others only repeat them. */
  readonly sample?: boolean
  /** One that has been begun, to be taken for the first family that it fits. */
  readonly begun?: BegunRehearsal | undefined
  /** Called, once or more, when a batch is being loaded and there is nothing to do but wait. */
  readonly meanwhile?: () => void
  readonly signal?: AbortSignal | undefined
}

/** Runs the batches, each after its family's live rules. Never touches the host. */
export async function rehearse(options: RehearseOptions): Promise<Rehearsal> {
  const problems: RehearsalProblem[] = []
  const sets = options.sets && (await rehearseSets(options.executor, options.sets, options.signal))
  if (sets?.kind === 'skipped') return sets
  if (sets?.kind === 'failed') return { kind: 'failed', problems: [{ message: sets.message }] }
  for (const one of options.families) {
    if (one.batch.text === '') continue
    const rehearsal = await rehearseFamily(one, options)
    if (rehearsal.kind === 'skipped') return rehearsal
    if (rehearsal.kind === 'failed') problems.push(...rehearsal.problems)
  }
  return problems.length === 0 ? { kind: 'passed' } : { kind: 'failed', problems }
}

/**
 * Loads whole rulesets into an empty namespace: `validate --kernel`. Sets and the chains of other
 * tools, which only the real host has, are made up.
 */
export async function rehearseRulesets(
  options: Omit<RehearseOptions, 'families' | 'missingSets'> & {
    readonly rulesets: readonly Ruleset[]
    readonly externalChains?: readonly {
      readonly family: Family
      readonly table: TableName
      readonly chain: string
    }[]
  },
): Promise<Rehearsal> {
  const families = options.rulesets.map((desired): RehearsedFamily => {
    const { family } = desired
    const { dialect } = requireTools(options.backend, family)
    const external = (options.externalChains ?? []).filter((one) => one.family === family)
    const target = withChains(desired, external)
    const live: Ruleset = { family, tables: [] }
    return { family, live, target, batch: buildBatch({ live, target, dialect }) }
  })
  return rehearse({ ...options, families, missingSets: 'stand-in' })
}

/** A failed rehearsal as the error that ends an apply. */
export function rehearsalError(problems: readonly RehearsalProblem[]): FwctlError {
  return new FwctlError(
    'rehearsal-failed',
    `The kernel would not take this plan: ${problems.map(describeProblem).join('; ')}. ` +
      'It was tried in a scratch network namespace; the host was not touched.',
    { details: { problems } },
  )
}

/** `ipv4: line of the batch: what the kernel said (policy.yaml:12:9)`. */
export function describeProblem(problem: RehearsalProblem): string {
  const { family, message, line, differences } = problem
  const origin = line?.rule?.origin
  const at = origin ? ` (${origin.file}:${origin.line}:${origin.column})` : ''
  const where = line === undefined ? '' : ` at "${line.text}" in table ${line.table}${at}`
  const count = differences === undefined ? '' : ` in ${differences.length} places`
  return `${family ?? 'sets'}: ${message}${where}${count}`
}

type FamilyRehearsal = Rehearsal | { readonly kind: 'refused'; readonly refusal: RestoreRefusal }

async function rehearseFamily(one: RehearsedFamily, options: RehearseOptions): Promise<Rehearsal> {
  if (await passesAtOnce(one, options)) return { kind: 'passed' }
  const whole = await tryOut(one, options, one.batch.text)
  if (whole.kind !== 'refused') return whole
  const line = await findCulprit(one, options, whole.refusal)
  return {
    kind: 'failed',
    problems: [{ family: one.family, message: whole.refusal.message, ...line }],
  }
}

/**
 * Whether one program, in a namespace of its own, loads what is live and the batch, and then lists the
 * chains as they should be. That is all there is to a rehearsal that passes. Should anything be otherwise,
 * or sets be needed, trying it in steps tells what it is.
 */
async function passesAtOnce(one: RehearsedFamily, options: RehearseOptions): Promise<boolean> {
  const { touched } = one
  const seed = printed(neededRules(one))
  const { target, text } = (options.sample && rehearsalSample(one)) || textOfAll(one)
  const listing = touched && chainListing(target, touched)
  if (listing === undefined || options.sets || usesSets(seed) || usesSets(text)) return false
  const tools = requireTools(options.backend, one.family)
  const { begun, executor } = options
  const rehearsal = begun?.tools === tools ? begun : beginRehearsal(executor, tools)
  // Once it has been given what it is to load.
  if (options.meanwhile) setImmediate(options.meanwhile)
  const outcome = await rehearsal.load({ text: seed + text, listing: listing.input })
  return outcome?.kind === 'done' && listing.readEnd(outcome.stdout).isSeen
}

function textOfAll({ target, batch }: RehearsedFamily): RehearsalSample {
  return { target, text: batch.text }
}

/** One try of a text in a fresh, seeded namespace. */
async function tryOut(
  one: RehearsedFamily,
  options: RehearseOptions,
  text: string,
): Promise<FamilyRehearsal> {
  const scratch = await openScratchNamespace(options.executor, options.signal)
  if ('reason' in scratch) {
    return { kind: 'skipped', reason: `There can be no scratch namespace: ${scratch.reason}` }
  }
  try {
    const load = (text: string): Promise<RestoreOutcome> => {
      const tools = requireTools(options.backend, one.family)
      const { executor, lockFile } = scratch
      const running = runRestore(executor, tools, { text, noflush: true, lockFile })
      // Once it has been started.
      if (options.meanwhile) setImmediate(options.meanwhile)
      return running
    }
    const seed = await seedText(one, options, scratch)
    const seeded = seed === '' ? undefined : await load(seed)
    if (seeded?.kind === 'refused') {
      const what = `The ${one.family} rules that are live can not be loaded into a scratch namespace`
      return { kind: 'skipped', reason: `${what}: ${seeded.message}` }
    }
    const refusal = await load(text)
    if (refusal.kind === 'refused') return { kind: 'refused', refusal }
    return await compare(one, options, scratch)
  } catch (error) {
    // In a user namespace iptables-legacy-save may not list the tables.
    if (!(error instanceof FwctlError) || error.code !== 'no-permission') throw error
    return { kind: 'skipped', reason: error.message }
  } finally {
    await scratch.close()
  }
}

/** What has to be there before the batch; its sets are put in. */
async function seedText(
  one: RehearsedFamily,
  { executor, sets, missingSets, signal }: RehearseOptions,
  scratch: ScratchNamespace,
): Promise<string> {
  const { family } = one
  const needed = neededRules(one)
  const made = new Map(sets ? createdHeaders(sets) : [])
  await createSets(scratch.executor, [...made.values()])
  const used = setNames([needed, concerned(one.target, one)])
  const names = new Set([...used].filter((name) => !made.has(name)))
  const missing = await copySetHeaders(executor, scratch.executor, names, signal)
  if (missingSets === 'stand-in') await createStandInSets(scratch.executor, missing, family)
  return printed(needed)
}

/** Of what is live, that on which the verdict depends. */
function neededRules(one: RehearsedFamily): Ruleset {
  const { live, touched } = one
  return touched ? rehearsalSeed({ ...one, touched }) : concerned(live, one)
}

/** Nothing, for tables that are as a new namespace has them: each block costs a commit. */
function printed(ruleset: Ruleset): string {
  return isDefaultState(ruleset) ? '' : printSave(ruleset)
}

/** Reads back, and compares with the target: what the batch is about, rules and policies. */
async function compare(
  one: RehearsedFamily,
  { backend, names, signal }: RehearseOptions,
  scratch: ScratchNamespace,
): Promise<Rehearsal> {
  const { family, target, touched } = one
  const tools = requireTools(backend, family)
  if (
    touched &&
    (await holdsChains(scratch.executor, tools, { ruleset: target, chains: touched }))
  ) {
    return { kind: 'passed' }
  }
  const live = await readLive(scratch.executor, backend, {
    families: [family],
    ...(names ? { names } : {}),
    signal,
  })
  const found = live[family]?.ruleset ?? { family, tables: [] }
  const differences = diffRulesets(concerned(found, one), concerned(target, one))
  if (differences.length === 0) return { kind: 'passed' }
  const message = 'what the kernel holds afterwards is not what the plan says'
  return { kind: 'failed', problems: [{ family, message, differences }] }
}

/** The line that was named, or else the last line of the shortest beginning that is refused. */
async function findCulprit(
  one: RehearsedFamily,
  options: RehearseOptions,
  refusal: RestoreRefusal,
): Promise<Pick<RehearsalProblem, 'line'>> {
  const { lines } = one.batch
  const named = refusal.lines.map((number) => lines[number - 1])
  const first = named.find((line) => line?.chain !== undefined)
  if (first) return { line: first }
  let good = 0
  let bad = lines.length
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    const tried = await tryOut(one, options, beginning(one.batch, middle))
    if (tried.kind === 'skipped') return {}
    if (tried.kind === 'refused') bad = middle
    else good = middle
  }
  const line = lines[bad - 1]
  return line?.chain === undefined ? {} : { line }
}

/** The first lines of a batch, as a batch: with a COMMIT for a block that is cut short. */
function beginning({ lines }: Batch, count: number): string {
  const first = lines.slice(0, count).map((line) => line.text)
  const isOpen = first.length > 0 && first.at(-1) !== 'COMMIT'
  return [...first, ...(isOpen ? ['COMMIT'] : [])].map((line) => `${line}\n`).join('')
}

/** What the batch is about: the chains that differ, or else all of its tables. */
function concerned({ family, tables }: Ruleset, { batch, touched }: RehearsedFamily): Ruleset {
  return {
    family,
    tables: tables
      .filter((table) => batch.tables.includes(table.name))
      .map(({ name, chains }) => {
        if (touched === undefined) return { name, chains }
        const names = new Set(touched.filter((one) => one.table === name).map((one) => one.chain))
        return { name, chains: chains.filter((chain) => names.has(chain.name)) }
      }),
  }
}

function withChains(
  ruleset: Ruleset,
  chains: readonly { readonly table: TableName; readonly chain: string }[],
): Ruleset {
  const tables = ruleset.tables.map((table) => {
    const known = new Set<string>([
      ...BUILTIN_CHAINS[table.name],
      ...table.chains.map((one) => one.name),
    ])
    const missing = chains.filter((one) => one.table === table.name && !known.has(one.chain))
    const added = missing.map((one) => ({ name: one.chain, rules: [] }))
    return { ...table, chains: [...table.chains, ...added] }
  })
  return { ...ruleset, tables }
}

/**
 * Runs a batch where it can do no harm, on the same kernel.
 *
 * Goals, and how each is met:
 * 1. What the kernel would refuse is known before the host is touched: the whole batch runs, commits
 *    included, in a network namespace of its own; or a sample of its rules that has the same verdict
 *    (plan/rehearsal-sample.ts). (`iptables-restore --test` is no substitute: on nft
 *    it never asks the kernel, and on neither back end does it see a loop or a target in a wrong hook.)
 * 2. The prediction is tested too: what iptables prints there afterwards must be the target.
 * 3. The result is about the host, not about an empty kernel: the namespace starts out with those live
 *    rules of the tables that change on which it depends (plan/rehearsal-seed.ts), and with the ipsets
 *    that the rules name, empty. Sets that change are filled and swapped in a namespace of their own
 *    (rehearse-sets.ts).
 * 4. The host sees nothing of it: neither its rules nor its xtables lock are used, and nothing is left
 *    behind even when fwctl is killed (see scratch-namespace.ts).
 * 5. A refusal leads to the rule. nft names the line; where only the COMMIT is named (legacy, and
 *    some errors of nft), ever shorter beginnings of the batch are tried until the line is found.
 */
import { buildBatch } from '../plan/batch.ts'
import { guardBatch, unguarded } from '../plan/guards.ts'
import { rehearsalExcerpt } from '../plan/rehearsal-excerpt.ts'
import { rehearsalSample } from '../plan/rehearsal-sample.ts'
import { BUILTIN_CHAINS } from '../ruleset/hooks.ts'
import type { Family, Ruleset, TableName } from '../ruleset/model.ts'
import { requireTools } from './backend.ts'
import { chainListing } from './chain-read.ts'
import { usesSets } from './ipsets.ts'
import { rehearseInSteps } from './rehearse-in-steps.ts'
import { rehearseSets } from './rehearse-sets.ts'
import {
  neededRules,
  printed,
  type Rehearsal,
  type RehearsalProblem,
  type RehearsedFamily,
  type RehearseOptions,
  textOf,
} from './rehearsed.ts'
import { beginRehearsal } from './restore.ts'

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

async function rehearseFamily(one: RehearsedFamily, options: RehearseOptions): Promise<Rehearsal> {
  return (await passesAtOnce(one, options)) ? { kind: 'passed' } : rehearseInSteps(one, options)
}

/**
 * Whether one program, in a namespace of its own, loads what is live and the batch, and then lists the
 * chains as they should be. That is all there is to a rehearsal that passes. Should anything be otherwise,
 * or sets be needed, trying it in steps tells what it is.
 */
async function passesAtOnce(one: RehearsedFamily, options: RehearseOptions): Promise<boolean> {
  const { touched } = one
  const { seed, text, target } = options.sample ? sampleOf(one) : wholeOf(one)
  const listing = touched && chainListing(target, touched)
  if (listing === undefined || options.sets || usesSets(seed) || usesSets(text)) return false
  const tools = requireTools(options.backend, one.family)
  const { begun, executor } = options
  const isRight = begun?.tools === tools && begun.isFresh()
  const rehearsal = isRight ? begun : beginRehearsal(executor, tools)
  // Once it has been given what it is to load.
  if (options.meanwhile) setImmediate(options.meanwhile)
  const outcome = await rehearsal.load({ text: seed + text, listing: listing.input })
  return outcome?.kind === 'done' && listing.readEnd(outcome.stdout).isSeen
}

/** What is loaded one after the other, and what is there in the end. */
interface Load {
  readonly seed: string
  readonly text: string
  readonly target: Ruleset
}

function wholeOf(one: RehearsedFamily): Load {
  return { seed: printed(neededRules(one)), text: textOf(one), target: one.target }
}

/** Of long chains what changes, and of what is added no more than has a form of its own. */
function sampleOf(one: RehearsedFamily): Load {
  const short = excerptOf(one)
  const { target, batch, guarded = batch } = short
  const sample = rehearsalSample({ target, batch: guarded })
  return { ...wholeOf(short), ...sample }
}

function excerptOf(one: RehearsedFamily): RehearsedFamily {
  const { touched, guarded } = one
  const short = touched && rehearsalExcerpt({ ...one, touched })
  if (short === undefined) return one
  const byValue = guarded?.byValue
  if (byValue === undefined) return { ...one, ...short, guarded: unguarded(short.batch) }
  return { ...one, ...short, guarded: guardBatch(short.batch, short.live, byValue) }
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

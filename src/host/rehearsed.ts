/** What is rehearsed, and what has come of it. */
import { FwctlError } from '../base/error.ts'
import type { Names } from '../extensions/names.ts'
import { printSave } from '../iptables/save.ts'
import type { Batch, BatchLine } from '../plan/batch.ts'
import type { Change } from '../plan/change.ts'
import type { GuardedBatch } from '../plan/guards.ts'
import { rehearsalSeed } from '../plan/rehearsal-seed.ts'
import { isDefaultState } from '../plan/state.ts'
import { namesIn, type TouchedChain } from '../plan/touched.ts'
import type { Family, Ruleset } from '../ruleset/model.ts'
import type { HostBackend } from './backend.ts'
import type { Executor } from './executor.ts'
import type { BegunRehearsal } from './restore.ts'
import type { SetsEdit } from './sets.ts'

/** One family's part of what is rehearsed. */
export interface RehearsedFamily {
  readonly family: Family
  readonly live: Ruleset
  readonly target: Ruleset
  readonly batch: Batch
  /** As it is run; absent: as it is. */
  readonly guarded?: GuardedBatch
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

/** Of what is live, that on which the verdict depends. */
export function neededRules(one: RehearsedFamily): Ruleset {
  const { live, touched } = one
  return touched ? rehearsalSeed({ ...one, touched }) : live
}

/** What is run. */
export function textOf({ batch, guarded }: RehearsedFamily): string {
  return (guarded ?? batch).text
}

/** Nothing, for tables that are as a new namespace has them: each block costs a commit. */
export function printed(ruleset: Ruleset): string {
  return isDefaultState(ruleset) ? '' : printSave(ruleset)
}

/** What the batch is about: the chains that differ, or else all of its tables. */
export function concerned(
  { family, tables }: Ruleset,
  { batch, touched }: RehearsedFamily,
): Ruleset {
  return {
    family,
    tables: tables
      .filter((table) => batch.tables.includes(table.name))
      .map(({ name, chains }) => {
        if (touched === undefined) return { name, chains }
        const names = namesIn(touched, name)
        return { name, chains: chains.filter((chain) => names.has(chain.name)) }
      }),
  }
}

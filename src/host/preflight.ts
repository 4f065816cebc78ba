/** What has to hold before the host is touched. */
import type { Diagnostic } from '../base/diagnostic.ts'
import { FwctlError } from '../base/error.ts'
import { findTable } from '../plan/state.ts'
import type { Ruleset, TableName } from '../ruleset/model.ts'
import type { Edit, Host } from './edit.ts'
import type { Executor } from './executor.ts'
import { findNativeRules } from './native-rules.ts'
import { rehearse } from './rehearsal.ts'
import { type Rehearsal, rehearsalError } from './rehearsed.ts'
import type { BegunRehearsal } from './restore.ts'
import type { SetsEdit } from './sets.ts'

/**
 * `required`: no rehearsal, of every rule, no apply. `auto`: a plan that the kernel takes as a whole or not
 * at all needs none where there can be none, and one of a sample of its rules will do
 * (plan/rehearsal-sample.ts). `off`: none.
 */
export type RehearseMode = 'required' | 'auto' | 'off'

/** A chain with rules that the dump misprints must not be edited: there would be no way back. */
export async function refuseNativeRules(
  { executor, signal }: { readonly executor: Executor; readonly signal?: AbortSignal | undefined },
  edits: readonly Edit[],
): Promise<readonly Diagnostic[]> {
  const tables = edits
    .filter((edit) => edit.tools.dialect.backend === 'nft')
    .flatMap(({ family, batch, before, touched }) =>
      batch.tables.map((table) => ({
        family,
        table,
        // Misprinted rules are rules all the same: where the dump has none, there is none.
        chains: chainsWithRules(before, table).filter((chain) =>
          touched.some((one) => one.table === table && one.chain === chain),
        ),
      })),
    )
    .filter(({ chains }) => chains.length > 0)
  if (tables.length === 0) return []
  const { checked, rules } = await findNativeRules(executor, tables, signal)
  for (const { family, touched } of edits) {
    const native = rules.find(
      (rule) =>
        rule.family === family &&
        touched.some((one) => one.table === rule.table && one.chain === rule.chain),
    )
    if (native === undefined) continue
    throw new FwctlError(
      'refused',
      `The chain ${native.chain} of the ${family} table ${native.table} has a rule that nft made and ` +
        'that iptables-save shows without its set, map or range, so there would be no way back. ' +
        'Remove it with nft, or leave the chain out of the policy. The host was not touched.',
      { details: { ...native } },
    )
  }
  if (checked) return []
  return [
    {
      code: 'dump-foreign',
      severity: 'info',
      message: 'nft is not usable here, so rules that only nft can show would not be noticed',
    },
  ]
}

function chainsWithRules(ruleset: Ruleset, table: TableName): readonly string[] {
  const chains = findTable(ruleset, table)?.chains ?? []
  return chains.filter((chain) => chain.rules.length > 0).map((chain) => chain.name)
}

/** Rehearses the edits. Throws FwctlError `rehearsal-failed`, or `refused` when it must not be skipped. */
export async function requireRehearsal(
  input: Host & {
    readonly mode: RehearseMode
    readonly edits: readonly Edit[]
    readonly sets?: SetsEdit | undefined
    readonly signal?: AbortSignal | undefined
    /** As for `rehearse`. */
    readonly begun?: BegunRehearsal | undefined
    readonly meanwhile?: () => void
  },
): Promise<Rehearsal> {
  const { mode, edits } = input
  if (mode === 'off') return { kind: 'skipped', reason: 'It was not wanted.' }
  const families = edits.map((edit) => ({ ...edit, live: edit.before }))
  const sets = input.sets === undefined ? 0 : 1
  const blocks = edits.reduce((count, edit) => count + edit.batch.tables.length, sets)
  const isOneBlock = blocks <= 1
  const sample = mode === 'auto' && isOneBlock
  const rehearsal = await rehearse({ ...input, sample, families })
  if (rehearsal.kind === 'failed') throw rehearsalError(rehearsal.problems)
  if (rehearsal.kind === 'passed') return rehearsal
  if (mode === 'auto' && isOneBlock) return rehearsal
  const danger =
    mode === 'required'
      ? ''
      : 'It changes several tables, and the kernel might take the first and refuse the next. '
  throw new FwctlError(
    'refused',
    `The plan could not be rehearsed. ${rehearsal.reason} ${danger}` +
      'The host was not touched; --rehearse off applies without a rehearsal.',
    { details: { reason: rehearsal.reason } },
  )
}

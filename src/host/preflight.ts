/** What has to hold before the host is touched. */
import type { Diagnostic } from '../base/diagnostic.ts'
import { FwctlError } from '../base/error.ts'
import type { TouchedChain } from '../plan/touched.ts'
import type { Family, TableName } from '../ruleset/model.ts'
import type { AppliedRecord } from './applied.ts'
import type { Edit, Host } from './edit.ts'
import type { Executor } from './executor.ts'
import { findNativeRules } from './native-rules.ts'
import { chainNames, unknownChains } from './plain-chains.ts'
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

/** What was found out about the chains that change. */
export interface NativeLook {
  readonly diagnostics: readonly Diagnostic[]
  /** By family, those of the chains that change that have no such rules. */
  readonly plain: Readonly<Partial<Record<Family, readonly TouchedChain[]>>>
}

/**
 * A chain with rules that the dump misprints must not be edited: there would be no way back.
 *
 * @param last What is known of the chains; nft is asked about the others.
 */
export async function refuseNativeRules(
  { executor, signal }: { readonly executor: Executor; readonly signal?: AbortSignal | undefined },
  edits: readonly Edit[],
  last: AppliedRecord | undefined,
): Promise<NativeLook> {
  const onNft = edits.filter((edit) => edit.tools.dialect.backend === 'nft')
  const looks = onNft.map(({ family, before, touched }) => {
    return { family, touched, unknown: unknownChains(last?.families[family], before, touched) }
  })
  const isKnown = await refuseAmong(
    looks.map(({ family, unknown }) => ({ family, touched: unknown })),
    { executor, signal },
  )
  const plain = looks.map(({ family, touched, unknown }) => {
    const isSeen = ({ table, chain }: TouchedChain): boolean =>
      !unknown.some((one) => one.table === table && one.chain === chain)
    return [family, isKnown ? touched : touched.filter(isSeen)]
  })
  return { diagnostics: isKnown ? [] : [NFT_UNUSABLE], plain: Object.fromEntries(plain) }
}

const NFT_UNUSABLE: Diagnostic = {
  code: 'dump-foreign',
  severity: 'info',
  message: 'nft is not usable here, so rules that only nft can show would not be noticed',
}

interface Place {
  readonly family: Family
  readonly touched: readonly TouchedChain[]
}

/** False: nft could not be asked. */
async function refuseAmong(
  places: readonly Place[],
  { executor, signal }: { readonly executor: Executor; readonly signal?: AbortSignal | undefined },
): Promise<boolean> {
  const tables = places.flatMap(({ family, touched }) =>
    Object.entries(chainNames(touched) ?? {}).map(([table, chains]) => {
      return { family, table: table as TableName, chains }
    }),
  )
  if (tables.length === 0) return true
  const { checked, rules } = await findNativeRules(executor, tables, signal)
  for (const { family, touched } of places) {
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
  return checked
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

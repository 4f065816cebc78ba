/**
 * The way back to a snapshot: a plan like any other, which is shown first and applied by applyPlan.
 *
 * What goes back is what fwctl answers for. Chains of other tools (by their names, see
 * plan/foreign.ts) that fwctl has not changed since then live on as they are now: a week-old copy of
 * Docker's or fail2ban's chains would break them. All else becomes exactly what it was: without such
 * tools at work, iptables-save prints the snapshot again, but for counters that moved on.
 */
import { FwctlError } from '../base/error.ts'
import type { Names } from '../extensions/names.ts'
import type { LiveSets } from '../ipset/set.ts'
import { whyUnfaithful } from '../iptables/faithful.ts'
import { claim } from '../plan/claim.ts'
import { isForeignChain, isForeignRule } from '../plan/foreign.ts'
import { type FamilyGoal, makePlan, type Plan } from '../plan/plan.ts'
import { builtinChains, findTable } from '../plan/state.ts'
import type { TouchedChain } from '../plan/touched.ts'
import { DEFAULT_OWNERSHIP, type ForeignPatterns, KNOWN_TOOLS } from '../policy/policy.ts'
import { isBuiltinChain } from '../ruleset/hooks.ts'
import {
  type Chain,
  FAMILIES,
  type Ruleset,
  TABLES,
  type Table,
  type TableName,
} from '../ruleset/model.ts'
import { snapshotTarget } from './apply-sets.ts'
import { type Live, parseLive } from './live.ts'
import { listSnapshots, readSnapshot, type Snapshot } from './snapshots.ts'
import type { StateDir } from './state-dir.ts'

export interface RollbackRequest {
  readonly live: Live
  readonly snapshot: Snapshot
  readonly stateDir: StateDir
  /** How chains and rules of other tools are recognised. */
  readonly foreign?: ForeignPatterns
  /** Other tools' chains go back as well. */
  readonly exact?: boolean
  /** The live sets of `rollbackSetNames`; absent: sets stay as they are. */
  readonly sets?: LiveSets
  /** Sets that fwctl made on this host: those that the snapshot does not have go. */
  readonly madeSets?: readonly string[]
  readonly names?: Names
}

/**
 * Plans the way from `live` to the snapshot, for the families that both have. Throws FwctlError
 * `refused` when the other back end was in use then, `live-unreadable` when the dump is no good.
 */
export async function planRollback(request: RollbackRequest): Promise<Plan> {
  const { live, snapshot, stateDir, foreign = KNOWN_TOOLS, exact = false } = request
  const since = await touchedSince(stateDir, snapshot)
  const families = FAMILIES.flatMap((family): FamilyGoal[] => {
    const now = live[family]
    const meta = snapshot.meta.families[family]
    const dump = snapshot.dumps[family]
    if (!now || !meta || dump === undefined) return []
    if (meta.backend !== now.dialect.backend) {
      throw new FwctlError(
        'refused',
        `Snapshot ${snapshot.meta.id} holds the ${family} rules of the ${meta.backend} back end, and ` +
          `these are ${now.dialect.backend}. Say --backend ${meta.backend} to go back there.`,
      )
    }
    const saved = parseLive(dump, {
      family,
      dialect: { family, backend: meta.backend, version: meta.version },
      file: `snapshot ${snapshot.meta.id}`,
      ...(request.names ? { names: request.names } : {}),
    }).ruleset
    const touched = since[family] ?? []
    const target = exact ? saved : rollbackTarget({ live: now.ruleset, saved, touched, foreign })
    return [{ dialect: now.dialect, live: now.ruleset, target }]
  })
  const { sets, madeSets = [] } = request
  const plan = makePlan({
    families,
    ownership: { ...DEFAULT_OWNERSHIP, foreign },
    ...(sets && { sets: { live: sets, goals: snapshotTarget(snapshot).goals, made: madeSets } }),
  })
  refuseUnfaithful(plan)
  return plan
}

/** The sets that going back may change. */
export function rollbackSetNames(
  { meta }: Snapshot,
  madeSets: readonly string[],
): readonly string[] {
  return [...new Set([...Object.keys(meta.sets?.contents ?? {}), ...madeSets])]
}

/** Some rules come back with another meaning when their saved text is loaded. */
function refuseUnfaithful(plan: Plan): void {
  for (const { family, dialect, changes } of plan.families) {
    for (const change of changes) {
      if (!change.kind.startsWith('rule-') || !('after' in change) || !('text' in change.after))
        continue
      const reason = whyUnfaithful(change.after, { dialect })
      if (reason === undefined) continue
      throw new FwctlError(
        'refused',
        `Going back would load a rule of ${family} ${change.table} ${change.chain} that does not ` +
          `come back as it was: ${change.after.text} (${reason.message}). The host was not touched; ` +
          'write a policy without that rule and apply it.',
        { details: { family, table: change.table, chain: change.chain, rule: change.after.text } },
      )
    }
  }
}

/** `saved`, but for what belongs to other tools, which stays as it is in `live`. */
function rollbackTarget(input: {
  readonly live: Ruleset
  readonly saved: Ruleset
  /** Chains that fwctl changed since, whatever their names. */
  readonly touched: readonly TouchedChain[]
  readonly foreign: ForeignPatterns
}): Ruleset {
  const { live, saved, touched, foreign } = input
  const isOurs = (table: TableName, chain: string): boolean =>
    !isForeignChain(chain, foreign) ||
    touched.some((one) => one.table === table && one.chain === chain)
  const desired: Ruleset = {
    family: saved.family,
    tables: TABLES.flatMap((name): Table[] => {
      const then = findTable(saved, name)
      const now = findTable(live, name)
      if (!then && !now) return []
      const nowBuiltin = new Map(builtinChains(now, name).map((chain) => [chain.name, chain]))
      return [
        {
          name,
          chains: [
            ...builtinChains(then, name).map((chain) =>
              withoutStaleForeignRules(chain, nowBuiltin.get(chain.name), {
                table: name,
                foreign,
              }),
            ),
            ...(then?.chains ?? []).filter(
              (chain) => !isBuiltinChain(name, chain.name) && isOurs(name, chain.name),
            ),
          ],
        },
      ]
    }),
  }
  const { target } = claim({ desired, live, ownership: { ...DEFAULT_OWNERSHIP, foreign } })
  return { ...target, tables: target.tables.map(withoutNewChains) }

  /** Chains of ours that were made since: the claim kept them, as it keeps all it is not told of. */
  function withoutNewChains(table: Table): Table {
    const then = findTable(saved, table.name)
    const stays = (chain: Chain): boolean =>
      isBuiltinChain(table.name, chain.name) ||
      !isOurs(table.name, chain.name) ||
      (then?.chains.some((one) => one.name === chain.name) ?? false)
    return { ...table, chains: table.chains.filter(stays) }
  }
}

/**
 * Other tools' rules in a built-in chain: where they are still the same, the chain goes back as a
 * whole, their places included. Else those of then are left out, and the claim adds those of now.
 */
function withoutStaleForeignRules(
  then: Chain,
  now: Chain | undefined,
  { table, foreign }: { readonly table: TableName; readonly foreign: ForeignPatterns },
): Chain {
  const place = { table, chain: then.name }
  const foreignKeys = (chain: Chain | undefined): string =>
    JSON.stringify(
      (chain?.rules ?? [])
        .filter((rule) => isForeignRule(rule, place, foreign))
        .map((rule) => rule.key),
    )
  if (foreignKeys(then) === foreignKeys(now)) return then
  return { ...then, rules: then.rules.filter((rule) => !isForeignRule(rule, place, foreign)) }
}

/** The chains that fwctl has changed since the snapshot, by what later snapshots say. */
async function touchedSince(
  stateDir: StateDir,
  snapshot: Snapshot,
): Promise<Snapshot['meta']['touched']> {
  const ids = await listSnapshots(stateDir)
  const later = ids.filter((id) => id > snapshot.meta.id)
  const metas = [snapshot.meta]
  for (const id of later) {
    // A damaged later snapshot is no reason not to go back to a good earlier one.
    const snapshot = await readSnapshot(stateDir, id).catch(() => undefined)
    if (snapshot) metas.push(snapshot.meta)
  }
  return Object.fromEntries(
    FAMILIES.map((family) => [family, metas.flatMap((meta) => meta.touched[family] ?? [])]),
  )
}

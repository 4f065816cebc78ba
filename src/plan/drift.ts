/**
 * What somebody changed on a host since fwctl last applied, told apart from what changed in the
 * policy since.
 *
 * Three states are compared: what was applied, what is live, and what the policy says now. What was
 * applied is not the state of the whole host then: it is what the policy declared then, claimed
 * against what is live now, so that what other tools did meanwhile in what is theirs is no drift.
 * Both the host and the policy are then compared with that one state; a rule of it that both changed
 * is known by its position there.
 */
import { FwctlError } from '../base/error.ts'
import type { Names } from '../extensions/names.ts'
import type { SetChange } from '../ipset/diff.ts'
import { parseSave } from '../iptables/save.ts'
import type { Ownership } from '../policy/policy.ts'
import { isBuiltinChain } from '../ruleset/hooks.ts'
import type { Dialect, Family, Ruleset } from '../ruleset/model.ts'
import type { Change } from './change.ts'
import { claim } from './claim.ts'
import { diffRulesets } from './diff.ts'
import { isForeignChain, isForeignRule } from './foreign.ts'
import { isHookJump } from './hooks-mode.ts'
import type { Scope } from './scope.ts'

/**
 * What the policy has to say of a change on the host. `reverted`: it says what it said, so apply puts
 * that back. `adopted`: it says by now what the host has. `released`: it leaves the chain to
 * others. `conflict`: it says a third thing, and apply makes it that.
 */
export type Standing = 'reverted' | 'adopted' | 'released' | 'conflict'

export interface DriftItem {
  /** From what was applied to what is live; positions in what was applied are its `livePosition`. */
  readonly change: Change
  /** Absent when there is no policy to ask. */
  readonly standing?: Standing
  /** In a conflict: what the policy has made of the same thing. */
  readonly policy?: Change
}

export interface FamilyDrift {
  readonly family: Family
  readonly dialect: Dialect
  readonly items: readonly DriftItem[]
  /** What changed in the policy since, but for what the host has already. */
  readonly policyChanges: readonly Change[]
}

export interface Drift {
  /** When fwctl last applied; absent: never, and the policy stands in for what it did. */
  readonly since?: string
  /** Who did, and why. */
  readonly by?: string
  readonly families: readonly FamilyDrift[]
  /** The ipsets: what would lead back to what was applied. Absent when they are not looked at. */
  readonly sets?: readonly SetChange[]
}

/** What fwctl last made of a family. */
export interface Baseline {
  readonly desired: Ruleset
  readonly ownership: Ownership
}

export function hasDrift(drift: Drift): boolean {
  const sets = drift.sets?.length ?? 0
  return sets > 0 || drift.families.some((family) => family.items.length > 0)
}

/** One family. `policy` is the plan from what is live now to what the policy says now. */
export function findDrift(input: {
  readonly live: Ruleset
  readonly dialect: Dialect
  readonly baseline: Baseline
  readonly policy?:
    | { readonly target: Ruleset; readonly scope: Scope; readonly ownership: Ownership }
    | undefined
}): FamilyDrift {
  const { live, dialect, baseline, policy } = input
  const expected = claim({ ...baseline, live }).target
  const { family } = live
  const onHost = diffRulesets(expected, live)
  if (policy === undefined) {
    return { family, dialect, items: onHost.map((change) => ({ change })), policyChanges: [] }
  }
  const inPolicy = diffRulesets(expected, policy.target).filter(
    (change) => isIn(policy.scope, change) && !isLeft(change, policy.ownership),
  )
  const open = new Set(inPolicy)
  const items = onHost.map((change): DriftItem => {
    if (!isIn(policy.scope, change) || isLeft(change, policy.ownership)) {
      return { change, standing: 'released' }
    }
    const same = [...open].find((other) => isSame(change, other))
    if (same !== undefined) {
      open.delete(same)
      return { change, standing: 'adopted' }
    }
    if (inPolicy.some((other) => bringsTheSame(change, other)))
      return { change, standing: 'adopted' }
    const rival = inPolicy.find((other) => isAboutTheSame(change, other))
    if (rival === undefined) return { change, standing: 'reverted' }
    return { change, standing: 'conflict', policy: rival }
  })
  return { family, dialect, items, policyChanges: [...open] }
}

/**
 * The baseline that a record of an apply holds. Where there was no policy (after a rollback), all
 * that was live then is ours, but for what is known to be another tool's. Throws `untrusted-file`.
 */
export function readBaseline(
  record: { readonly rules: string; readonly desired?: string },
  options: {
    readonly ownership: Ownership
    readonly dialect: Dialect
    readonly names?: Names
  },
): Baseline {
  const { ownership, dialect, names } = options
  const text = record.desired ?? record.rules
  const parsed = parseSave(text, { family: dialect.family, dialect, ...(names && { names }) })
  const [problem] = parsed.diagnostics
  if (problem !== undefined) {
    throw new FwctlError(
      'untrusted-file',
      `The record of the last apply is damaged: ${problem.message}. The next apply writes it anew.`,
    )
  }
  const desired =
    record.desired === undefined ? withoutForeign(parsed.ruleset, ownership) : parsed.ruleset
  return { desired, ownership }
}

function withoutForeign(ruleset: Ruleset, { foreign }: Ownership): Ruleset {
  const tables = ruleset.tables.map((table) => ({
    ...table,
    chains: table.chains
      .filter(
        (chain) => isBuiltinChain(table.name, chain.name) || !isForeignChain(chain.name, foreign),
      )
      .map((chain) => {
        const place = { table: table.name, chain: chain.name }
        return { ...chain, rules: chain.rules.filter((one) => !isForeignRule(one, place, foreign)) }
      }),
  }))
  return { ...ruleset, tables }
}

function isIn(scope: Scope, { table, chain }: Change): boolean {
  return scope.some(
    (one) => one.table === table && (one.chains === 'all' || one.chains.includes(chain)),
  )
}

/** In mode `hooks`, all but our jump in a built-in chain is the business of others. */
function isLeft(change: Change, { mode }: Ownership): boolean {
  if (mode !== 'hooks' || !isBuiltinChain(change.table, change.chain)) return false
  const rules = [
    ...('before' in change ? [change.before] : []),
    ...('after' in change ? [change.after] : []),
  ]
  return !rules.some((one) => 'text' in one && isHookJump(one, change.table))
}

/** Whether two changes of the same state come to the same. */
function isSame(a: Change, b: Change): boolean {
  if (a.table !== b.table || a.chain !== b.chain || a.kind !== b.kind) return false
  switch (a.kind) {
    case 'chain-add':
    case 'chain-remove':
      return true
    case 'policy-change':
      return b.kind === a.kind && a.after.policy === b.after.policy
    case 'rule-add':
      return b.kind === a.kind && a.after.key === b.after.key
    case 'rule-remove':
      return b.kind === a.kind && a.livePosition === b.livePosition
    case 'rule-change':
      return b.kind === a.kind && isAboutTheSame(a, b) && a.after.key === b.after.key
    case 'rule-move':
      return b.kind === a.kind && isAboutTheSame(a, b) && a.targetPosition === b.targetPosition
  }
}

/** The host has got a rule that the policy has made out of another one. */
function bringsTheSame(added: Change, other: Change): boolean {
  return (
    added.kind === 'rule-add' &&
    other.kind === 'rule-change' &&
    added.table === other.table &&
    added.chain === other.chain &&
    added.after.key === other.after.key
  )
}

/** Whether two changes are about the same rule, or the same property, of the state before. */
function isAboutTheSame(a: Change, b: Change): boolean {
  if (a.table !== b.table || a.chain !== b.chain) return false
  if ('livePosition' in a && 'livePosition' in b) return a.livePosition === b.livePosition
  return a.kind === 'policy-change' && b.kind === 'policy-change'
}

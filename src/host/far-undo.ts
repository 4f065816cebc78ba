/** What the watchdog without Node (far-watchdog-script.ts) has to know to take a change back. */
import { join } from 'node:path'
import { setBatch, temporaryName } from '../ipset/batch.ts'
import type { SetGoal } from '../ipset/set.ts'
import { isForeignRule } from '../plan/foreign.ts'
import { findTable } from '../plan/state.ts'
import type { TouchedChain } from '../plan/touched.ts'
import { isBuiltinChain } from '../ruleset/hooks.ts'
import type { Rule, Ruleset } from '../ruleset/model.ts'
import {
  afterChange,
  beforeChange,
  pendingHost,
  pendingSetsTarget,
  type Reading,
  wayBackTargets,
  wholeTables,
} from './confirm-way-back.ts'
import { liveOf, planEdits } from './edit.ts'
import { FIXED_ENVIRONMENT } from './executor.ts'
import { quoted } from './far-watchdog-script.ts'
import type { Live } from './live.ts'
import { entryArguments } from './netns-executor.ts'
import type { PendingChange, PendingFamily } from './pending.ts'
import type { Snapshot } from './snapshots.ts'
import type { StateDir } from './state-dir.ts'

/** Where the watchdog looks for it. */
export function undoPath({ path }: Pick<StateDir, 'path'>, token: string): string {
  return join(path, `undo-${token}.sh`)
}

export function isUndo(path: string): boolean {
  return /\/undo-[0-9a-f]+\.sh$/.test(path)
}

/**
 * Assignments and functions of sh. `live`: what is there now that the change is in place. Without it, as
 * long as the change is being made, nothing that is found can be told from what the change did, and the
 * touched chains become what they were.
 */
export function undoScript(
  pending: PendingChange,
  snapshot: Snapshot,
  input: Reading & { readonly live?: Live | undefined },
): string {
  const { namespace, kernel, families } = pending
  const enter = namespace === undefined ? [] : ['nsenter', ...entryArguments(namespace), '--']
  const environment = Object.entries(FIXED_ENVIRONMENT)
  return [
    ...environment.map(([name, value]) => `${name}=${quoted(value)}; export ${name}`),
    `enter() { ${enter.map(quoted).join(' ')} "$@"; }`,
    `kernel=${quoted(kernel)}`,
    `settled=${quoted(settledText(pending))}`,
    `phase=${input.live === undefined ? 'arming' : 'counting'}`,
    `families=${quoted(families.map((one) => one.family).join(' '))}`,
    ...families.map((one) => familyFunction(one, { pending, snapshot, ...input })),
    ...setFunctions(pending, snapshot),
    '',
  ].join('\n')
}

/** pending.json as it will be, but for its end and its digest, which sh appends. */
function settledText({ applied: _, ...pending }: PendingChange): string {
  const { token } = pending
  const ended = { state: 'rolled-back', outcome: `@OUTCOME-${token}@`, endedAt: `@ENDED-${token}@` }
  return JSON.stringify({ ...pending, ...ended }).slice(0, -1)
}

interface FamilyInput extends Reading {
  readonly pending: PendingChange
  readonly snapshot: Snapshot
  readonly live?: Live | undefined
}

function familyFunction(one: PendingFamily, input: FamilyInput): string {
  const { pending, snapshot, live } = input
  const { family, tools, touched } = one
  const before = beforeChange(one, snapshot, input)
  const theirs = rulesIn(before, touched, (rule, place) =>
    isForeignRule(rule, place, pending.foreign),
  )
  const places = touched.toSorted((a, b) => a.table.localeCompare(b.table))
  const lines = places.map(
    ({ table, chain }) => `${table} ${chain}${isBuiltinChain(table, chain) ? ' builtin' : ''}`,
  )
  const values = {
    save: tools.save,
    restore: tools.restore,
    touched: lines.join('\n'),
    theirs,
    before: wholeTables(one, snapshot.dumps[family] ?? ''),
    left_by_us: live === undefined ? '' : leftByUs(one, liveOf(live, family), input),
    known_then: live === undefined ? '' : wholeTables(one, live[family]?.text ?? ''),
    exact: live === undefined ? '' : exactBatch(one, { ...input, live }),
  }
  const assignments = Object.entries(values).map(([name, value]) => `${name}=${quoted(value)}`)
  return `load_${family}() {\n${assignments.join('\n')}\n}`
}

/** Of what is live, the rules that the change left, in the words of iptables-save. */
function leftByUs(one: PendingFamily, live: Ruleset, reading: Reading): string {
  const after = afterChange(one, reading)
  const counts = new Map<string, number>()
  const nameOf = (rule: Rule, { table, chain }: TouchedChain): string =>
    `${table} ${chain} ${rule.key}`
  rulesIn(after, one.touched, (rule, place) => {
    const name = nameOf(rule, place)
    counts.set(name, (counts.get(name) ?? 0) + 1)
    return false
  })
  return rulesIn(live, one.touched, (rule, place) => {
    const count = counts.get(nameOf(rule, place)) ?? 0
    counts.set(nameOf(rule, place), count - 1)
    return count > 0
  })
}

/** Some of the rules of the touched chains. */
function rulesIn(
  ruleset: Ruleset,
  touched: readonly TouchedChain[],
  isWanted: (rule: Rule, place: TouchedChain) => boolean,
): string {
  const lines = touched.flatMap((place) => {
    const chains = findTable(ruleset, place.table)?.chains ?? []
    const rules = chains.find((one) => one.name === place.chain)?.rules ?? []
    const wanted = rules.filter((rule) => isWanted(rule, place))
    const texts = wanted.map((rule) => `-A ${place.chain} ${rule.text}`.trimEnd())
    return texts.length === 0 ? [] : [`*${place.table}`, ...texts]
  })
  return lines.join('\n')
}

/** The smallest step back, for as long as nobody touches what is live now. */
function exactBatch(one: PendingFamily, input: FamilyInput & { readonly live: Live }): string {
  const { pending, snapshot, live } = input
  const targets = wayBackTargets({ ...pending, families: [one] }, snapshot, { ...input, live })
  const { foreign } = pending
  const [edit] = planEdits(pendingHost(pending, NO_EXECUTOR), live, { targets, foreign })
  return edit?.guarded.text ?? ''
}

/** Planning asks the host nothing. */
const NO_EXECUTOR = undefined as never

/** Sets are filled under another name and swapped in, whatever is in them by now. */
function setFunctions(pending: PendingChange, snapshot: Snapshot): readonly string[] {
  const target = pendingSetsTarget(pending, snapshot)
  const isList = ({ set }: SetGoal): number => Number(set.header.type === 'list:set')
  const goals = (target?.goals ?? []).toSorted((a, b) => isList(a) - isList(b))
  const gone = target?.removals ?? []
  return [
    `fill_sets() {\n${goals.flatMap(fillLines).join('\n')}\nreturn 0\n}`,
    `drop_sets() {\n${gone.map((name) => ipset(`destroy ${name}\n`)).join('\n')}\nreturn 0\n}`,
  ]
}

function fillLines({ set, contents }: SetGoal): readonly string[] {
  const { name } = set
  const temporary = temporaryName(name)
  const lines = (goal: SetGoal): string =>
    setBatch([{ kind: 'set-add', name: goal.set.name, goal }]).before
  const empty = lines({ set: { ...set, entries: [] }, contents })
  const full = lines({ set: { ...set, name: temporary }, contents })
  if (contents !== 'exact') return [ipset(lines({ set, contents }))]
  return [
    ipset(empty),
    ipset(`destroy ${temporary}\n`),
    `${ipset(`${full}swap ${temporary} ${name}\ndestroy ${temporary}\n`)} || ${ipset(
      `destroy ${name}\nrename ${temporary} ${name}\n`,
    )}`,
  ]
}

function ipset(lines: string): string {
  return `printf %s ${quoted(lines)} | enter ipset -exist restore > /dev/null 2>&1`
}

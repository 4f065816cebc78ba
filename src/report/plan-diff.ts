import { FILE_HEADERS_ONLY, formatPatch, type StructuredPatch, structuredPatch } from 'diff'
import type { SetChange } from '../ipset/diff.ts'
import { printHeader } from '../ipset/header.ts'
import type { IpSet } from '../ipset/set.ts'
import type { FamilyPlan, Plan } from '../plan/plan.ts'
import { stateText } from '../plan/state.ts'
import type { Ruleset, TableName } from '../ruleset/model.ts'
import { ruleWith } from '../ruleset/rule-with.ts'
import { printable } from './printable.ts'
import { entryText } from './set-words.ts'

/**
 * Beyond this many differing lines a shortest patch takes minutes to find; the table is then shown
 * as wholly replaced.
 */
const MAX_EDITS = 4000

/** Unified diffs, live to target, one for each table that changes. Empty when none does. */
export function planDiff(plan: Plan): string {
  return diffBetween(plan, ['live', 'target'])
}

/** The same, with other names for the two sides. */
export function diffBetween(plan: Plan, sides: Sides): string {
  const tables = plan.families.flatMap((family) =>
    family.batch.tables.map((table) => tableDiff(family, table, sides)),
  )
  const sets = plan.sets?.changes ?? []
  return [...sets.map((change) => setDiff(change, sides)), ...tables].join('')
}

/** What is before, and what is after. */
type Sides = readonly [string, string]

function setDiff(change: SetChange, [from, to]: Sides): string {
  const before = 'before' in change ? setText(change.before) : ''
  const after = change.kind === 'set-remove' ? '' : setText(goalSet(change))
  return patchText([`${from}/sets/${change.name}`, `${to}/sets/${change.name}`], before, after)
}

/** What the set will hold: where others' entries stay, they are no difference. */
function goalSet(change: Exclude<SetChange, { kind: 'set-remove' }>): IpSet {
  const { set, contents } = change.goal
  if (contents === 'exact' || change.kind === 'set-add') return set
  const own = new Set(set.entries.map((entry) => entry.element))
  const others = change.before.entries.filter((entry) => !own.has(entry.element))
  return { ...set, entries: [...set.entries, ...others] }
}

/** In one order, and without what is counted or runs down. */
function setText({ header, entries }: IpSet): string {
  const { hashsize: _h, maxelem: _m, bucketsize: _b, ...declared } = header
  const lines = entries.map(({ timeout: _t, ...entry }) => entryText(entry)).sort()
  return [printHeader(declared), ...lines, ''].map(printable).join('\n')
}

function tableDiff(family: FamilyPlan, table: TableName, [from, to]: Sides): string {
  const names = [`${from}/${family.family}/${table}`, `${to}/${family.family}/${table}`] as const
  const before = tableText(family.live, table)
  const after = tableText(withLiveSpelling(family, table), table)
  return patchText(names, before, after)
}

function patchText(names: Sides, before: string, after: string): string {
  const options = { context: 3, maxEditLength: MAX_EDITS }
  const patch =
    structuredPatch(...names, before, after, undefined, undefined, options) ??
    wholePatch(names, before, after)
  return formatPatch(patch, FILE_HEADERS_ONLY)
}

function tableText(ruleset: Ruleset, table: TableName): string {
  const tables = ruleset.tables.filter((one) => one.name === table)
  const text = stateText({ ...ruleset, tables }, (rule) => rule.text.replaceAll('\n', '\\n'))
  return text.split('\n').map(printable).join('\n')
}

/** A rule that stays is no difference, even where the policy's words for it are others. */
function withLiveSpelling({ live, target }: FamilyPlan, name: TableName): Ruleset {
  const found = live.tables.find((table) => table.name === name)
  const chains = new Map(found?.chains.map((chain) => [chain.name, chain]))
  const tables = target.tables.map((table) => ({
    ...table,
    chains: table.chains.map((chain) => {
      const texts = new Map(chains.get(chain.name)?.rules.map((rule) => [rule.key, rule.text]))
      const rules = chain.rules.map((rule) =>
        ruleWith(rule, { text: texts.get(rule.key) ?? rule.text }),
      )
      return { ...chain, rules }
    }),
  }))
  return { ...target, tables }
}

function wholePatch(names: Sides, before: string, after: string): StructuredPatch {
  const [oldFileName, newFileName] = names
  const removed = before.split('\n').slice(0, -1)
  const added = after.split('\n').slice(0, -1)
  const hunk = {
    oldStart: 1,
    oldLines: removed.length,
    newStart: 1,
    newLines: added.length,
    lines: [...removed.map((line) => `-${line}`), ...added.map((line) => `+${line}`)],
  }
  return { oldFileName, newFileName, oldHeader: undefined, newHeader: undefined, hunks: [hunk] }
}

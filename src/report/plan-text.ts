import { carriesCounters } from '../plan/batch.ts'
import type { Change, ChangeKind } from '../plan/change.ts'
import { type FamilyPlan, isEmptyPlan, type Plan } from '../plan/plan.ts'
import type { Rule } from '../ruleset/model.ts'
import {
  aboutOf,
  byChain,
  nameOf,
  positionOf,
  ruleText,
  SIGNS,
  type TextOptions,
} from './change-words.ts'
import { driftSection } from './drift-text.ts'
import { printable } from './printable.ts'
import { setSection } from './set-text.ts'
import { makeStyle, type Style } from './style.ts'
import { countersText, familyTitle, plural, summaryLine, unmanagedLine } from './words.ts'
import { wrap } from './wrap.ts'

/** A plan as it is read in a terminal. The last line is the summary. */
export function planText(plan: Plan, options: TextOptions): string {
  const style = makeStyle(options.colour)
  const lines: string[] = driftSection(plan.drift, options)
  if (lines.length > 0 && !isEmptyPlan(plan)) lines.push('What apply will do:', '')
  lines.push(...setSection(plan.sets?.changes ?? [], { style, options }))
  for (const family of plan.families) {
    const unmanaged = unmanagedLine(family.unmanaged)
    if (family.changes.length === 0 && unmanaged === undefined) continue
    lines.push(style.bold(familyTitle(family)), '')
    for (const changes of byChain(family.changes)) {
      lines.push(...chainLines({ changes, family, style, options }), '')
    }
    if (unmanaged !== undefined) {
      lines.push(...wrap(unmanaged, { width: options.width, indent: 2 }).map(style.dim), '')
    }
  }
  lines.push(style.bold(summaryLine(plan.summary)))
  return lines.map((line) => `${line}\n`).join('')
}

interface Row {
  readonly kind: ChangeKind
  /** `3`, or `7 > 2` for a rule that moves. */
  readonly position: string
  /** The texts of one or, for a change, two lines. */
  readonly texts: readonly string[]
  /** What is known about it beside its text. */
  readonly notes: readonly (string | undefined)[]
}

interface Context {
  readonly family: FamilyPlan
  readonly style: Style
  readonly options: TextOptions
}

function chainLines(context: Context & { readonly changes: readonly Change[] }): string[] {
  const { changes, style, family } = context
  const [first] = changes
  if (first === undefined) return []
  const rows = changes.map((change) => rowOf(change, family))
  let digits = 0
  for (const { position } of rows) digits = Math.max(digits, position.length)
  const lines = [`  ${style.bold(`${first.table} ${printable(first.chain)}`)}`]
  for (const row of rows) pushRow(lines, { row, digits }, context)
  return lines
}

function pushRow(
  lines: string[],
  { row, digits }: { readonly row: Row; readonly digits: number },
  { style, options }: Context,
): void {
  const paint = painter(row.kind, style)
  const head = `    ${SIGNS[row.kind]} ${row.position.padStart(digits)}${digits > 0 ? '  ' : ''}`
  const indent = head.length
  let lead = head
  for (const text of row.texts) {
    const [start = '', ...more] = wrap(printable(text), { width: options.width, indent })
    lines.push(paint(`${lead}${start.slice(indent)}`))
    for (const line of more) lines.push(paint(line))
    lead = `${' '.repeat(indent - 3)}=> `
  }
  const notes = row.notes.filter((note) => note !== undefined).join('  ')
  if (notes === '') return
  for (const line of wrap(printable(notes), { width: options.width, indent })) {
    lines.push(style.dim(line))
  }
}

function painter(kind: ChangeKind, style: Style): (text: string) => string {
  switch (SIGNS[kind]) {
    case '+':
      return style.green
    case '-':
      return style.red
    case '~':
      return style.yellow
    default:
      return style.cyan
  }
}

function rowOf(change: Change, family: FamilyPlan): Row {
  const { kind } = change
  switch (change.kind) {
    case 'chain-add':
      return { kind, position: '', texts: ['new chain'], notes: [positionOf(change.after)] }
    case 'chain-remove': {
      const count = change.before.rules.length
      const what = count === 0 ? 'chain' : `chain with its ${plural(count, 'rule')}`
      return { kind, position: '', texts: [what], notes: [] }
    }
    case 'policy-change': {
      const counted = countersText(change.before.counters)
      return {
        kind,
        position: '',
        texts: [`policy ${change.before.policy} => ${change.after.policy}`],
        notes: [positionOf(change.after), counted && `${change.before.policy} decided ${counted}`],
      }
    }
    case 'rule-add':
      return {
        kind,
        position: `${change.targetPosition}`,
        texts: [ruleText(change.after)],
        notes: [nameOf(change.after), positionOf(change.after), aboutOf(change.after)],
      }
    case 'rule-remove': {
      const counted = countersText(change.before.counters)
      return {
        kind,
        position: `${change.livePosition}`,
        texts: [ruleText(change.before)],
        notes: [nameOf(change.before), counted && `matched ${counted}`],
      }
    }
    case 'rule-change':
    case 'rule-move': {
      const { livePosition, targetPosition, before, after } = change
      const moves = livePosition !== targetPosition
      return {
        kind,
        position: moves ? `${livePosition} > ${targetPosition}` : `${targetPosition}`,
        texts:
          change.kind === 'rule-move' ? [ruleText(after)] : [ruleText(before), ruleText(after)],
        notes: [nameOf(after), positionOf(after), aboutOf(after), counterNote(before, family)],
      }
    }
  }
}

export function counterNote(before: Rule, family: FamilyPlan): string | undefined {
  const counted = countersText(before.counters)
  if (counted === undefined) return undefined
  return carriesCounters(family.dialect) ? `keeps ${counted}` : `loses ${counted}`
}

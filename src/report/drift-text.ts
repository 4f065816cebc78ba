import { type Change, summarise } from '../plan/change.ts'
import { type Drift, type DriftItem, hasDrift } from '../plan/drift.ts'
import { byChain, nameOf, ruleText, SIGNS, type TextOptions } from './change-words.ts'
import { printable } from './printable.ts'
import { setDriftLines } from './set-drift.ts'
import { makeStyle, type Style } from './style.ts'
import { countersText, familyTitle, plural, summaryLine } from './words.ts'
import { wrap } from './wrap.ts'

/** In a plan, a flushed table is told in as many lines; `fwctl drift` shows all of it. */
const MAX_ITEMS_IN_PLAN = 20

/** A drift as it is read in a terminal. The last line is the summary. */
export function driftText(drift: Drift, options: TextOptions): string {
  const style = makeStyle(options.colour)
  const lines = drift.families.flatMap((family) =>
    family.items.length === 0
      ? []
      : [style.bold(familyTitle(family)), '', ...itemLines(family.items, { style, options })],
  )
  lines.push(...setDriftLines(drift.sets ?? [], style))
  const title = lines.length === 0 ? [] : [sinceLine(drift), '']
  return [...title, ...lines, ...summaryLines(drift, style)].map((line) => `${line}\n`).join('')
}

/** The section of a plan that tells what was changed on the host; empty when nothing was. */
export function driftSection(drift: Drift | undefined, options: TextOptions): string[] {
  if (drift === undefined || drift.since === undefined || !hasDrift(drift)) return []
  const style = makeStyle(options.colour)
  const families = drift.families.flatMap((family) => {
    if (family.items.length === 0) return []
    const shown = family.items.slice(0, MAX_ITEMS_IN_PLAN)
    const more = family.items.length - shown.length
    return [
      style.bold(familyTitle(family)),
      '',
      ...itemLines(shown, { style, options }),
      ...(more > 0 ? [`    … and ${more} more: fwctl drift shows all of them`, ''] : []),
    ]
  })
  const sets = setDriftLines(drift.sets ?? [], style)
  return [style.yellow(sinceLine(drift)), '', ...families, ...sets]
}

function sinceLine({ since, by }: Drift): string {
  if (since === undefined) return 'Differs from the policy:'
  const who = by === undefined ? '' : ` (${printable(by)})`
  return `Changed outside of fwctl since ${since.replace(/\.\d+Z$/, 'Z')}${who}:`
}

interface Look {
  readonly style: Style
  readonly options: TextOptions
}

function itemLines(items: readonly DriftItem[], look: Look): string[] {
  const of = new Map(items.map((item) => [item.change, item]))
  return byChain(items.map((item) => item.change)).flatMap((changes) => {
    const [first] = changes
    const digits = Math.max(...changes.map((change) => positionOf(change).length))
    return [
      `  ${look.style.bold(`${first?.table} ${printable(first?.chain ?? '')}`)}`,
      ...changes.flatMap((change) => changeLines(of.get(change) ?? { change }, digits, look)),
      '',
    ]
  })
}

function changeLines(item: DriftItem, digits: number, { style, options }: Look): string[] {
  const { change } = item
  const head = `    ${SIGNS[change.kind]} ${positionOf(change).padStart(digits)}${digits > 0 ? '  ' : ''}`
  const indent = head.length
  const { width } = options
  const paint = { '+': style.green, '-': style.red, '~': style.yellow }[SIGNS[change.kind]]
  const lines = textsOf(change).flatMap((text, index) => {
    const lead = index === 0 ? head : `${' '.repeat(indent - 3)}=> `
    const [start = '', ...more] = wrap(printable(text), { width, indent })
    return [`${lead}${start.slice(indent)}`, ...more]
  })
  const notes = notesOf(item).flatMap((note) => wrap(printable(note), { width, indent }))
  return [...lines.map(paint ?? style.cyan), ...notes.map(style.dim)]
}

/** Where a rule is now; of one that is gone, where it was. */
function positionOf(change: Change): string {
  switch (change.kind) {
    case 'rule-add':
      return `${change.targetPosition}`
    case 'rule-remove':
      return `${change.livePosition}`
    case 'rule-change':
    case 'rule-move': {
      const { livePosition, targetPosition } = change
      return livePosition === targetPosition
        ? `${livePosition}`
        : `${livePosition} > ${targetPosition}`
    }
    default:
      return ''
  }
}

function textsOf(change: Change): readonly string[] {
  switch (change.kind) {
    case 'chain-add':
      return ['new chain']
    case 'chain-remove':
      return ['chain']
    case 'policy-change':
      return [`policy ${change.before.policy} => ${change.after.policy}`]
    case 'rule-remove':
      return [ruleText(change.before)]
    case 'rule-change':
      return [ruleText(change.before), ruleText(change.after)]
    case 'rule-add':
    case 'rule-move':
      return [ruleText(change.after)]
  }
}

function notesOf({ change, standing, policy }: DriftItem): readonly string[] {
  const rule = 'after' in change ? change.after : change.before
  const isRule = 'text' in rule
  const counted = 'after' in change && isRule ? countersText(change.after.counters) : undefined
  const about = [isRule ? nameOf(rule) : undefined, counted && `matched ${counted}`]
  const known = about.filter((part) => part !== undefined).join('  ')
  const words = {
    reverted: undefined,
    adopted: 'the policy has it so, too',
    released: 'the policy leaves this chain to others',
    conflict: policy && `conflict: the policy ${conflictText(policy)}`,
  }
  const what = standing === undefined ? undefined : words[standing]
  return [known, what].filter((note): note is string => note !== undefined && note !== '')
}

function conflictText(change: Change): string {
  switch (change.kind) {
    case 'rule-remove':
      return 'takes the rule out'
    case 'rule-change':
      return `makes it ${ruleText(change.after)}`
    case 'rule-move':
      return `moves it to ${change.targetPosition}`
    case 'policy-change':
      return `makes it ${change.after.policy}`
    default:
      return 'changes it, too'
  }
}

function summaryLines({ families, sets = [] }: Drift, style: Style): string[] {
  const items = families.flatMap((family) => family.items)
  const changes = summarise(families.flatMap((family) => family.policyChanges))
  const pending = Object.values(changes).some((count) => count > 0)
  const policy = pending
    ? [
        `The policy has changed since. ${summaryLine(changes).replace(/^Plan: /, 'Without the drift: ')}`,
      ]
    : []
  if (items.length + sets.length === 0) return [...policy, style.bold('No drift.')]
  const inSets = sets.length === 0 ? [] : [plural(sets.length, 'set')]
  const inRules = items.length === 0 ? [] : [plural(items.length, 'change')]
  const what = [...inRules, ...inSets].join(' and ')
  const count = (standing: DriftItem['standing']): number =>
    items.filter((item) => item.standing === standing).length
  const parts = [
    [count('reverted'), 'that apply will undo'],
    [count('adopted'), 'that the policy has, too'],
    [count('released'), 'in chains that the policy leaves to others'],
    [count('conflict'), 'in conflict with a change of the policy'],
  ] as const
  const told = parts.flatMap(([n, which]) => (n > 0 ? [`${n} ${which}`] : []))
  const details = told.length === 0 ? '' : `: ${told.join(', ')}`
  return [...policy, style.bold(`Drift: ${what}${details}.`)]
}

import type { SetChange } from '../ipset/diff.ts'
import type { Change } from '../plan/change.ts'
import { summarise } from '../plan/change.ts'
import type { Drift } from '../plan/drift.ts'
import type { FamilyPlan, Plan } from '../plan/plan.ts'
import { aboutOf, byChain, nameOf, positionOf, ruleText } from './change-words.ts'
import { driftSection } from './drift-text.ts'
import { counterNote } from './plan-text.ts'
import { printable } from './printable.ts'
import { entryCounts, entryLines, SET_SIGNS, setHeadline, setPosition } from './set-words.ts'
import { countersText, FAMILY_NAMES, familyTitle, summaryLine, unmanagedLine } from './words.ts'

/** A plan as the comment on a pull request: a table to judge by, the details folded away. */
export function planMarkdown(plan: Plan): string {
  const changed = plan.families.filter((family) => family.changes.length > 0)
  const sections = [
    `### ${escapeText(summaryLine(plan.summary))}`,
    ...driftParagraph(plan.drift),
    ...(changed.length === 0 ? [] : [summaryTable(changed)]),
    ...(plan.sets?.changes ?? []).map(setDetails),
    ...changed.flatMap((family) => byChain(family.changes).map((c) => details(family, c))),
    ...plan.families.flatMap((family) => {
      const line = unmanagedLine(family.unmanaged)
      return line === undefined ? [] : [`_${FAMILY_NAMES[family.family]}:_ ${escapeText(line)}`]
    }),
    ...plan.diagnostics.map((found) => `> **${found.severity}**: ${escapeText(found.message)}`),
  ]
  return `${sections.join('\n\n')}\n`
}

function driftParagraph(drift: Drift | undefined): string[] {
  const lines = driftSection(drift, { colour: false })
  if (lines.length === 0) return []
  const [title = '', , ...rest] = lines
  return [[`**${escapeText(title)}**`, '', ...codeBlock('', rest.slice(0, -1))].join('\n')]
}

function codeBlock(language: string, lines: readonly string[]): string[] {
  const fence = '`'.repeat(Math.max(3, longestRun(lines) + 1))
  return [`${fence}${language}`, ...lines, fence]
}

function setDetails(change: SetChange): string {
  const headline = setHeadline(change)
  const { lines: entries, more } = entryLines(change)
  const position = setPosition(change)
  const lines = [
    ...(headline === undefined ? [] : [`${SET_SIGNS[change.kind].replace('~', '!')} ${headline}`]),
    ...entries.map(({ sign, text }) => `${sign === '~' ? '!' : sign} ${text}`),
    ...(more > 0 ? [`# … and ${more} more: ${entryCounts(change)} in all`] : []),
    ...(position === undefined ? [] : [`# ${position}`]),
  ]
  return [
    `<details><summary>${escapeText(`set ${change.name}`)}</summary>`,
    '',
    ...codeBlock('diff', lines.map(printable)),
    '',
    '</details>',
  ].join('\n')
}

function summaryTable(families: readonly FamilyPlan[]): string {
  const rows = families.flatMap((family) =>
    byChain(family.changes).map((changes) => {
      const [first] = changes
      const counts = summarise(changes)
      const policy = changes.find((change) => change.kind === 'policy-change')
      const notes = [
        counts['chain-add'] > 0 ? 'new chain' : '',
        counts['chain-remove'] > 0 ? 'chain goes' : '',
        policy === undefined ? '' : `policy ${policy.before.policy} → ${policy.after.policy}`,
      ]
      return [
        FAMILY_NAMES[family.family],
        first?.table ?? '',
        escapeText(first?.chain ?? ''),
        counts['rule-add'],
        counts['rule-change'],
        counts['rule-remove'],
        counts['rule-move'],
        notes.filter((note) => note !== '').join(', '),
      ]
    }),
  )
  const head = ['family', 'table', 'chain', 'add', 'change', 'remove', 'move', '']
  const align = ['---', '---', '---', '--:', '--:', '--:', '--:', '---']
  return [head, align, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function details(family: FamilyPlan, changes: readonly Change[]): string {
  const [first] = changes
  const lines = changes.flatMap((change) => changeLines(change, family).map(printable))
  const title = `${familyTitle(family)}: ${first?.table} ${first?.chain}`
  return [
    `<details><summary>${escapeText(title)}</summary>`,
    '',
    ...codeBlock('diff', lines),
    '',
    '</details>',
  ].join('\n')
}

/** Lines as a `diff` block colours them: `!` is for what moves. */
function changeLines(change: Change, family: FamilyPlan): string[] {
  switch (change.kind) {
    case 'chain-add':
      return [`+ chain ${change.chain}${notes(positionOf(change.after))}`]
    case 'chain-remove':
      return [`- chain ${change.chain}`]
    case 'policy-change':
      return [
        `- policy ${change.before.policy}${notes(countersText(change.before.counters))}`,
        `+ policy ${change.after.policy}${notes(positionOf(change.after))}`,
      ]
    case 'rule-add': {
      const { after, targetPosition } = change
      return [
        `+ ${targetPosition}: ${ruleText(after)}${notes(nameOf(after), positionOf(after), aboutOf(after))}`,
      ]
    }
    case 'rule-remove': {
      const { before, livePosition } = change
      return [`- ${livePosition}: ${ruleText(before)}${notes(countersText(before.counters))}`]
    }
    case 'rule-change': {
      const { before, after, livePosition, targetPosition } = change
      return [
        `- ${livePosition}: ${ruleText(before)}${notes(counterNote(before, family))}`,
        `+ ${targetPosition}: ${ruleText(after)}${notes(nameOf(after), positionOf(after), aboutOf(after))}`,
      ]
    }
    case 'rule-move': {
      const { before, after, livePosition, targetPosition } = change
      const about = notes(
        nameOf(after),
        positionOf(after),
        aboutOf(after),
        counterNote(before, family),
      )
      return [`! ${livePosition} > ${targetPosition}: ${ruleText(after)}${about}`]
    }
  }
}

function notes(...parts: readonly (string | undefined)[]): string {
  const known = parts.filter((part) => part !== undefined)
  return known.length === 0 ? '' : `   # ${known.join(', ')}`
}

function longestRun(lines: readonly string[]): number {
  const runs = lines.flatMap((line) => line.match(/`+/g) ?? [])
  return Math.max(0, ...runs.map((run) => run.length))
}

/** Nothing in it is markup any more: neither Markdown nor HTML, nor a cell's end or a mention. */
function escapeText(text: string): string {
  return printable(text)
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/@/g, '&#64;')
    .replace(/[\\`*_{}[\]|#~]/g, '\\$&')
}

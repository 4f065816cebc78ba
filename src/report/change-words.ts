/** What the texts about changes have in common. */
import { formatPosition } from '../base/diagnostic.ts'
import type { Change, ChangeKind } from '../plan/change.ts'
import { commentOf } from '../plan/foreign.ts'
import type { Rule } from '../ruleset/model.ts'

export interface TextOptions {
  readonly colour: boolean
  /** Columns of the terminal; without it no line is broken. */
  readonly width?: number
}

/** Neighbouring changes of one chain, together: they come in that order. */
export function byChain(changes: readonly Change[]): readonly (readonly Change[])[] {
  const groups: Change[][] = []
  for (const change of changes) {
    const last = groups.at(-1)
    const previous = last?.[0]
    if (last && previous?.table === change.table && previous.chain === change.chain) {
      last.push(change)
    } else groups.push([change])
  }
  return groups
}

export const SIGNS: Readonly<Record<ChangeKind, string>> = {
  'chain-add': '+',
  'chain-remove': '-',
  'policy-change': '~',
  'rule-add': '+',
  'rule-remove': '-',
  'rule-change': '~',
  'rule-move': '>',
}

/** A rule without any match or target has no text, but the reader has to see something. */
export function ruleText(rule: Rule): string {
  return rule.text === '' ? '(matches everything, does nothing)' : rule.text
}

/** What people call the rule; its text may hold it too, in the middle of everything else. */
export function nameOf(rule: Rule): string | undefined {
  const name = rule.origin?.name ?? commentOf(rule)
  return name === undefined || name === '' ? undefined : `"${name}"`
}

export function positionOf(from: Pick<Rule, 'origin'>): string | undefined {
  return from.origin === undefined ? undefined : formatPosition(from.origin)
}

/** What its author said of it beside its name. */
export function aboutOf({ origin }: Pick<Rule, 'origin'>): string | undefined {
  const parts = [
    origin?.owner && `owner ${origin.owner}`,
    origin?.ticket && `ticket ${origin.ticket}`,
    origin?.expires && `expires ${origin.expires}`,
  ].filter((part) => part)
  return parts.length === 0 ? undefined : parts.join(', ')
}

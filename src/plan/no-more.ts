import type { Change } from './change.ts'
import type { Plan } from './plan.ts'

/**
 * Whether a plan, made anew because the host has changed, does nothing that the one that was shown did
 * not do. Positions may be others, and what others have done by now may be missing.
 */
export function doesNoMore(again: Plan, shown: Plan): boolean {
  if ((again.sets?.changes.length ?? 0) > 0 && again.sets?.digest !== shown.sets?.digest)
    return false
  const left = new Map<string, number>()
  for (const what of allOf(shown)) left.set(what, (left.get(what) ?? 0) + 1)
  return allOf(again).every((what) => {
    const count = left.get(what) ?? 0
    left.set(what, count - 1)
    return count > 0
  })
}

function allOf({ families }: Plan): readonly string[] {
  return families.flatMap(({ family, changes }) =>
    changes.map((change) => `${family} ${change.table} ${change.chain} ${describe(change)}`),
  )
}

function describe(change: Change): string {
  switch (change.kind) {
    case 'chain-add':
    case 'chain-remove':
      return change.kind
    case 'policy-change':
      return `${change.kind} ${change.before.policy} ${change.after.policy}`
    case 'rule-add':
      return `${change.kind} ${change.after.key}`
    case 'rule-remove':
      return `${change.kind} ${change.before.key}`
    case 'rule-change':
    case 'rule-move':
      return `${change.kind} ${change.before.key} ${change.after.key}`
  }
}

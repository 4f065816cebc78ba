import { FwctlError } from '../base/error.ts'
import type { Plan } from '../plan/plan.ts'
import { isRemovalOfOthers } from '../plan/removals.ts'
import { plural } from '../report/words.ts'
import type { Context } from './context.ts'

/**
 * Throws `refused` when the plan takes away what others have made and nobody asked for that. The plan
 * has been shown by then: what would go is among its findings.
 */
export function requirePrune(plan: Plan, { options }: Pick<Context, 'options'>): void {
  const count = plan.diagnostics.filter(isRemovalOfOthers).length
  if (count === 0 || options.prune) return
  throw new FwctlError(
    'refused',
    `This would delete what others have made in ${plural(count, 'place')}, because the policy says ` +
      'ownership.mode "exclusive": the warnings name each. If that is meant, say --prune. The host ' +
      'was not touched.',
  )
}

/** What watch repairs, or leaves alone, as one. */
import type { Plan } from '../plan/plan.ts'
import { type TouchedChain, touchedChains, withChainsFrom } from '../plan/touched.ts'
import type { Family } from '../ruleset/model.ts'
import type { ApplicablePlan } from './apply-base.ts'

/** A chain, or all sets together. */
export interface Part {
  /** `ipv4 filter INPUT`, `ipsets`. */
  readonly name: string
  readonly chain?: TouchedChain & { readonly family: Family }
}

export function partsOf(plan: Plan): readonly Part[] {
  const chains = plan.families.flatMap(({ family, changes }) =>
    touchedChains(changes).map(({ table, chain }) => ({
      name: `${family} ${table} ${chain}`,
      chain: { family, table, chain },
    })),
  )
  return plan.sets?.changes.length ? [...chains, { name: 'ipsets' }] : chains
}

/** The plan without some of its parts. */
export function leaving(plan: Plan, left: readonly Part[]): ApplicablePlan {
  const { sets, ...rest } = plan
  const chains = left.flatMap((one) => one.chain ?? [])
  return {
    ...rest,
    ...(sets && chains.length === left.length ? { sets } : {}),
    families: plan.families.map((family) => ({
      ...family,
      target: withChainsFrom({
        live: family.target,
        from: family.live,
        touched: chains.filter((one) => one.family === family.family),
      }),
    })),
  }
}

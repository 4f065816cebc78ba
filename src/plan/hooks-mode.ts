/**
 * `ownership.mode: hooks`: the built-in chains are left to others, but for one jump.
 *
 * What the policy says for INPUT goes into the chain FWCTL-INPUT. Its default policy becomes the last
 * rule of that chain, since the built-in chain keeps its own. A rule that leaves a built-in chain
 * early (RETURN, or a goto whose chain comes to its end) is decided by the default policy there; in
 * FWCTL-INPUT it would leave past the last rule, and be decided by others. Such rules therefore go
 * into a chain of their own, FWCTL-INPUT-RULES, which comes back to that last rule.
 */
import type { Diagnostic } from '../base/diagnostic.ts'
import { makeRule } from '../iptables/rule.ts'
import {
  BUILTIN_CHAINS,
  type Hook,
  hookBodyName,
  hookChainName,
  isBuiltinChain,
} from '../ruleset/hooks.ts'
import type { Chain, Family, Origin, Rule, Table, TableName } from '../ruleset/model.ts'

/** A table as it is declared in this mode. */
export interface HookedTable {
  /** No built-in chain is among its chains. */
  readonly table: Table
  /** The jump for each built-in chain that the policy declares. */
  readonly jumps: ReadonlyMap<string, Rule>
  readonly diagnostics: readonly Diagnostic[]
}

/** Turns the declared built-in chains of a table into chains of ours and the jumps to them. */
export function hookTable(declared: Table, family: Family): HookedTable {
  const jumps = new Map<string, Rule>()
  const diagnostics: Diagnostic[] = []
  const chains = declared.chains.flatMap((chain): Chain[] => {
    if (isBuiltinChain(declared.name, chain.name)) {
      jumps.set(chain.name, jumpTo(hookChainName(chain.name), family, chain.origin))
      if (declared.name === 'nat' && chain.policy === 'DROP') diagnostics.push(natDrop(chain))
      return hookChains(chain, chain.name, family)
    }
    if (hookNames(declared.name).has(chain.name)) diagnostics.push(taken(chain))
    return [chain]
  })
  return { table: { ...declared, chains }, jumps, diagnostics }
}

/** The rules of a built-in chain with our one jump at its place; other jumps to our chain go. */
export function withHook(
  rules: readonly Rule[],
  jump: Rule,
  position: 'first' | 'last',
): readonly Rule[] {
  const own = jump.spec.target?.name
  const others = rules.filter((rule) => !jumpsTo(rule, (name) => name === own))
  return position === 'first' ? [jump, ...others] : [...others, jump]
}

/** Whether a rule is the jump of this mode, of this policy or of one that was applied before. */
export function isHookJump(rule: Rule, table: TableName): boolean {
  return jumpsTo(rule, (name) => hookNames(table).has(name))
}

/** All names of chains that this mode makes in a table. */
export function hookNames(table: TableName): ReadonlySet<string> {
  return HOOK_NAMES[table]
}

const namesOf = (table: TableName): ReadonlySet<string> =>
  new Set(BUILTIN_CHAINS[table].flatMap((hook) => [hookChainName(hook), hookBodyName(hook)]))

const HOOK_NAMES: Readonly<Record<TableName, ReadonlySet<string>>> = {
  raw: namesOf('raw'),
  mangle: namesOf('mangle'),
  nat: namesOf('nat'),
  filter: namesOf('filter'),
  security: namesOf('security'),
}

function hookChains(chain: Chain, hook: Hook, family: Family): Chain[] {
  const { policy, origin, rules } = chain
  const from = origin === undefined ? {} : { origin }
  const name = hookChainName(hook)
  if (policy === undefined) return [{ ...from, name, rules }]
  const last = jumpTo(policy, family, origin)
  if (!rules.some(leavesEarly)) return [{ ...from, name, rules: [...rules, last] }]
  const body = hookBodyName(hook)
  return [
    { ...from, name, rules: [jumpTo(body, family, origin), last] },
    { ...from, name: body, rules },
  ]
}

function leavesEarly({ spec: { target } }: Rule): boolean {
  return target !== undefined && (target.verb === 'goto' || target.name === 'RETURN')
}

function jumpTo(name: string, family: Family, origin: Origin | undefined): Rule {
  // A jump without matches reads the same everywhere.
  const dialect = { family, backend: 'nft', version: [1, 8, 9] } as const
  const spec = { matches: [], target: { verb: 'jump', name, options: [] } } as const
  return makeRule(spec, origin === undefined ? { dialect } : { dialect, origin })
}

/** The text first: it spares the reading of rules that can not be meant. */
function jumpsTo(rule: Rule, isMeant: (name: string) => boolean): boolean {
  return rule.text.includes('FWCTL-') && isMeant(rule.spec.target?.name ?? '')
}

function natDrop({ name, origin }: Chain): Diagnostic {
  return {
    code: 'policy-not-allowed',
    severity: 'error',
    message: `ownership.mode "hooks" makes the policy of nat ${name} a rule, and table nat takes no DROP rule`,
    hint: 'leave the policy out, and drop in table filter or raw',
    ...origin,
  }
}

function taken({ name, origin }: Chain): Diagnostic {
  return {
    code: 'chain-duplicate',
    severity: 'error',
    message: `the chain ${name} is the one that ownership.mode "hooks" makes`,
    hint: 'give it another name',
    ...origin,
  }
}

/** The two states for an emergency: nobody but the operator gets in, and nothing of ours is there. */
import { parseSave } from '../iptables/save.ts'
import { DEFAULT_OWNERSHIP, type ForeignPatterns } from '../policy/policy.ts'
import { BUILTIN_CHAINS, isBuiltinChain } from '../ruleset/hooks.ts'
import type { Dialect, Ruleset, Table, TableName } from '../ruleset/model.ts'
import { claim } from './claim.ts'
import type { Baseline } from './drift.ts'
import { type FamilyGoal, makePlan, type Plan } from './plan.ts'
import type { LiveStates } from './saved.ts'
import type { SetsPlanInput } from './set-plan.ts'

/**
 * Puts a jump at the head of INPUT, FORWARD and OUTPUT to a chain that drops all but loopback, what is
 * established, and new connections from and to these addresses. All other rules stay where they are,
 * out of reach, so that the way back is short and nothing of other tools is touched.
 *
 * @param allowed Networks, each of the family that its notation says.
 */
export function planLockdown(input: {
  readonly live: LiveStates
  readonly allowed: Readonly<Record<'ipv4' | 'ipv6', readonly string[]>>
  readonly foreign: ForeignPatterns
}): Plan {
  const families = Object.values(input.live).flatMap((state): FamilyGoal[] => {
    if (state === undefined) return []
    const { ruleset: live, dialect } = state
    return [{ dialect, live, desired: lockdown(dialect, input.allowed[live.family]) }]
  })
  const { foreign } = input
  return makePlan({ families, ownership: { ...DEFAULT_OWNERSHIP, mode: 'hooks', foreign } })
}

/**
 * Takes away what is ours (`owned`, for each family) and lets everything pass there. With `all` the
 * tables are emptied, whoever filled them.
 */
export function planClear(input: {
  readonly live: LiveStates
  readonly owned: (dialect: Dialect) => readonly Baseline[]
  readonly all: boolean
  readonly foreign: ForeignPatterns
  readonly sets?: Omit<SetsPlanInput, 'rules'>
}): Plan {
  const families = Object.values(input.live).flatMap((state): FamilyGoal[] => {
    if (state === undefined) return []
    const { ruleset: live, dialect } = state
    if (input.all) return [{ dialect, live, target: emptied(live) }]
    let target = live
    let declared: Ruleset = { family: live.family, tables: [] }
    for (const baseline of input.owned(dialect)) {
      const cleared = clearOne(target, baseline)
      target = cleared.target
      declared = cleared.declared
    }
    return [{ dialect, live, target, declared }]
  })
  const { foreign, sets } = input
  return makePlan({
    families,
    ownership: { ...DEFAULT_OWNERSHIP, foreign },
    ...(sets ? { sets } : {}),
  })
}

/** DHCP and neighbour discovery are let through: a host that loses its address is out of reach. */
const ALWAYS: Readonly<Record<'ipv4' | 'ipv6', readonly string[]>> = {
  ipv4: [
    '-A INPUT -p udp -m udp --sport 67 --dport 68 -j ACCEPT',
    '-A OUTPUT -p udp -m udp --sport 68 --dport 67 -j ACCEPT',
  ],
  ipv6: [
    ...[134, 135, 136].map(
      (type) => `-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type ${type} -m hl --hl-eq 255 -j ACCEPT`,
    ),
    ...[133, 135, 136, 143].map(
      (type) => `-A OUTPUT -p ipv6-icmp -m icmp6 --icmpv6-type ${type} -j ACCEPT`,
    ),
    '-A INPUT -p udp -m udp --sport 547 --dport 546 -j ACCEPT',
    '-A OUTPUT -p udp -m udp --sport 546 --dport 547 -j ACCEPT',
  ],
}

function lockdown(dialect: Dialect, allowed: readonly string[]): Ruleset {
  const { family } = dialect
  const established = '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'
  const text = [
    '*filter',
    ':INPUT DROP [0:0]',
    ':FORWARD DROP [0:0]',
    ':OUTPUT DROP [0:0]',
    '-A INPUT -i lo -j ACCEPT',
    '-A OUTPUT -o lo -j ACCEPT',
    ...BUILTIN_CHAINS.filter.map((chain) => `-A ${chain} ${established}`),
    ...ALWAYS[family],
    ...allowed.flatMap((network) => [
      `-A INPUT -s ${network} -j ACCEPT`,
      `-A FORWARD -s ${network} -j ACCEPT`,
      `-A OUTPUT -d ${network} -j ACCEPT`,
    ]),
    'COMMIT',
    '',
  ].join('\n')
  const { ruleset, diagnostics } = parseSave(text, { family, dialect })
  if (diagnostics.length > 0) throw new Error(`lockdown rules: ${diagnostics[0]?.message}`)
  return ruleset
}

function clearOne(
  live: Ruleset,
  { desired, ownership }: Baseline,
): { readonly target: Ruleset; readonly declared: Ruleset } {
  const ours = (table: TableName): ReadonlySet<string> =>
    new Set(desired.tables.find((one) => one.name === table)?.chains.map((chain) => chain.name))
  // In mode `hooks` the built-in chains are others'; naming the table takes our jumps out of them.
  const declared: Ruleset = {
    family: live.family,
    tables: desired.tables.map(({ name, chains }) => ({
      name,
      chains:
        ownership.mode === 'hooks'
          ? []
          : chains
              .filter((chain) => isBuiltinChain(name, chain.name))
              .map((chain) => ({ name: chain.name, policy: 'ACCEPT', rules: [] })),
    })),
  }
  const { target } = claim({ desired: declared, live, ownership: { ...ownership, mode: 'chains' } })
  const tables = target.tables.map((table) => {
    const names = ours(table.name)
    const stays = (chain: string): boolean => isBuiltinChain(table.name, chain) || !names.has(chain)
    return { ...table, chains: table.chains.filter((chain) => stays(chain.name)) }
  })
  return { target: { ...target, tables }, declared }
}

function emptied(live: Ruleset): Ruleset {
  const tables = live.tables.map(
    ({ name }): Table => ({
      name,
      chains: BUILTIN_CHAINS[name].map((chain) => ({ name: chain, policy: 'ACCEPT', rules: [] })),
    }),
  )
  return { ...live, tables }
}

import { seededRandom } from '../../test/generate/rule.ts'
import { kubernetes } from './kubernetes.ts'
import { randomRule } from './random-rule.ts'
import type { BenchChain, BenchRule, BenchRuleset } from './ruleset.ts'

/** Makes a ruleset of exactly so many rules, jumps included; the same every time. */
type Generator = (rules: number) => BenchRuleset

export type RulesetKind = 'mixed' | 'one-chain' | 'blocklist' | 'services' | 'zones' | 'kubernetes'

export const RULESETS: Readonly<Record<RulesetKind, Generator>> = {
  mixed: chainsOf50,
  'one-chain': oneChain,
  blocklist,
  services,
  zones,
  kubernetes,
}

const CHAIN_LENGTH = 50

/** Mixed rules in chains of 50, each behind a jump: how a grown ruleset of many owners looks. */
function chainsOf50(rules: number): BenchRuleset {
  const random = seededRandom(1)
  const chains: BenchChain[] = []
  for (let left = rules; left > 1; left -= CHAIN_LENGTH + 1) {
    const length = Math.min(CHAIN_LENGTH, left - 1)
    const first = chains.length * CHAIN_LENGTH
    chains.push({
      name: `TEAM-${chains.length}`,
      rules: Array.from({ length }, (_, i) => randomRule(random, first + i)),
    })
  }
  const jumps = chains.map(
    ({ name }, i): BenchRule => ({ source: `10.${i >> 8}.${i & 255}.0/24`, jump: name }),
  )
  return filterTable({ FORWARD: filledUp(jumps, chains, rules) }, chains)
}

function oneChain(rules: number): BenchRuleset {
  const random = seededRandom(2)
  const all = Array.from({ length: rules - 1 }, (_, i) => randomRule(random, i))
  return filterTable({ FORWARD: [{ jump: 'ALL' }] }, [{ name: 'ALL', rules: all }])
}

/** Single addresses that are shut out, in one chain: what a ban list without ipset comes to. */
function blocklist(rules: number): BenchRuleset {
  const banned = Array.from({ length: rules - 1 }, (_, i): BenchRule => {
    const address = i * 40503 + 17
    const [b, c, d] = [(address >> 16) & 255, (address >> 8) & 255, address & 255]
    return { source: `${185 + ((address >> 24) & 7)}.${b}.${c}.${d}/32`, jump: 'DROP' }
  })
  return filterTable({ INPUT: [{ jump: 'BANNED' }] }, [{ name: 'BANNED', rules: banned }])
}

const SERVICES = 8

/** Who may use which service: flat rules in INPUT, which every firewall tool can say. */
function services(rules: number): BenchRuleset {
  const all = Array.from({ length: rules }, (_, i): BenchRule => {
    const client = Math.floor(i / SERVICES)
    return {
      source: `10.${(client >> 8) & 255}.${client & 255}.0/24`,
      protocol: 'tcp',
      dport: [`${8000 + (i % SERVICES)}`],
      jump: 'ACCEPT',
    }
  })
  return filterTable({ INPUT: all }, [])
}

const ZONES = 10

/** A chain for each pair of zones, chosen by the interfaces. */
function zones(rules: number): BenchRuleset {
  const random = seededRandom(3)
  const pairs = Array.from({ length: ZONES * ZONES }, (_, i) => [i % ZONES, (i / ZONES) | 0])
  const length = Math.floor((rules - pairs.length) / pairs.length)
  if (length < 0) return filterTable({ FORWARD: filledUp([], [], rules) }, [])
  const chains = pairs.map(([from, to], pair) => ({
    name: `zone${from}-zone${to}`,
    rules: Array.from({ length }, (_, i): BenchRule => {
      const { inInterface, ...rule } = randomRule(random, pair * length + i)
      return rule
    }),
  }))
  const jumps = pairs.map(
    ([from, to], i): BenchRule => ({
      inInterface: `zone${from}`,
      outInterface: `zone${to}`,
      jump: chains[i]?.name ?? '',
    }),
  )
  return filterTable({ FORWARD: filledUp(jumps, chains, rules) }, chains)
}

function filterTable(
  builtin: Readonly<Partial<Record<'INPUT' | 'FORWARD', readonly BenchRule[]>>>,
  chains: readonly BenchChain[],
): BenchRuleset {
  const { INPUT = [], FORWARD = [] } = builtin
  return {
    table: 'filter',
    chains: [
      { name: 'INPUT', policy: 'ACCEPT', rules: INPUT },
      { name: 'FORWARD', policy: 'ACCEPT', rules: FORWARD },
      { name: 'OUTPUT', policy: 'ACCEPT', rules: [] },
      ...chains,
    ],
  }
}

/** The jumps, and what is missing to the number of rules that was asked for. */
function filledUp(
  jumps: readonly BenchRule[],
  chains: readonly BenchChain[],
  rules: number,
): readonly BenchRule[] {
  const missing = rules - jumps.length - chains.reduce((sum, chain) => sum + chain.rules.length, 0)
  const fillers = Array.from(
    { length: missing },
    (_, i): BenchRule => ({
      source: `192.0.2.${i & 255}/32`,
      protocol: 'udp',
      dport: [`${4000 + i}`],
      jump: 'ACCEPT',
    }),
  )
  return [...jumps, ...fillers]
}

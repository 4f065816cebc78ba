/**
 * The rulesets of the benchmarks as data that every tool's language can be written from. A rule's
 * fields stand in the order in which its matches are written, so that all tools load the same text.
 */
export interface BenchRule {
  /** An address or network; `! ` before it negates. */
  readonly source?: string
  readonly destination?: string
  readonly inInterface?: string
  readonly outInterface?: string
  readonly protocol?: 'tcp' | 'udp'
  /** One port or range `a:b`, or several, which make a multiport match. */
  readonly dport?: readonly string[]
  readonly ctstate?: readonly string[]
  /** As iptables-save prints it: `10/min`. */
  readonly limit?: string
  /** With all its digits, as iptables-save prints it. */
  readonly probability?: string
  readonly comment?: string
  /** A verdict, REJECT, or a chain. */
  readonly jump?: string
  /** `address:port`, instead of `jump`. */
  readonly dnat?: string
  /** A mark to set, such as 0x4000, instead of `jump`. */
  readonly orMark?: string
}

export interface BenchChain {
  readonly name: string
  /** Of a built-in chain. */
  readonly policy?: 'ACCEPT' | 'DROP'
  readonly rules: readonly BenchRule[]
}

export interface BenchRuleset {
  readonly table: 'filter' | 'nat'
  readonly chains: readonly BenchChain[]
}

export function countRules({ chains }: BenchRuleset): number {
  return chains.reduce((sum, { rules }) => sum + rules.length, 0)
}

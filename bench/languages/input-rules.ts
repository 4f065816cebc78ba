import type { BenchRuleset } from '../rulesets/ruleset.ts'

/** What every firewall tool can say: who may use a port of this host, and who may not. */
export interface InputRule {
  readonly source: string
  readonly protocol: string
  readonly port: string
  readonly verdict: 'ACCEPT' | 'DROP'
}

/** Throws for a ruleset with anything else. */
export function inputRules({ chains }: BenchRuleset): readonly InputRule[] {
  return chains.flatMap(({ name, rules }) =>
    rules.map((rule) => {
      const { source, protocol, dport, jump, ...others } = rule
      const [port] = dport ?? []
      const isVerdict = jump === 'ACCEPT' || jump === 'DROP'
      if (name !== 'INPUT' || !source || !protocol || !port || !isVerdict) throw unsayable(rule)
      if (Object.keys(others).length > 0 || dport?.length !== 1) throw unsayable(rule)
      return { source, protocol, port, verdict: jump }
    }),
  )
}

function unsayable(rule: object): Error {
  return new Error(`no simple rule of a host: ${JSON.stringify(rule)}`)
}

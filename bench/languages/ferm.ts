/** The rulesets as ferm reads them. */
import type { BenchRule, BenchRuleset } from '../rulesets/ruleset.ts'

export function fermText({ table, chains }: BenchRuleset): string {
  const lines = chains.flatMap(({ name, policy, rules }) => [
    `  chain ${name} {`,
    ...(policy === undefined ? [] : [`    policy ${policy};`]),
    ...rules.map((rule) => `    ${ruleText(rule)};`),
    '  }',
  ])
  return `${[`domain ip table ${table} {`, ...lines, '}'].join('\n')}\n`
}

function ruleText(rule: BenchRule): string {
  const { protocol, dport = [], ctstate, limit, probability, comment } = rule
  return [
    ...operand('saddr', rule.source),
    ...operand('daddr', rule.destination),
    ...operand('interface', rule.inInterface),
    ...operand('outerface', rule.outInterface),
    ...operand('protocol', protocol),
    ...(dport.length === 1 ? [`dport ${dport[0]}`] : []),
    ...(dport.length > 1 ? [`mod multiport destination-ports (${dport.join(' ')})`] : []),
    ...(ctstate === undefined ? [] : [`mod conntrack ctstate (${ctstate.join(' ')})`]),
    ...(limit === undefined ? [] : [`mod limit limit ${limit}`]),
    ...(probability === undefined ? [] : [`mod statistic mode random probability ${probability}`]),
    ...(comment === undefined ? [] : [`mod comment comment "${comment}"`]),
    target(rule),
  ].join(' ')
}

function target({ jump = 'NOP', dnat, orMark }: BenchRule): string {
  if (dnat !== undefined) return `DNAT to "${dnat}"`
  if (orMark !== undefined) return `MARK set-xmark ${orMark}/${orMark}`
  if (jump === 'REJECT') return 'REJECT reject-with icmp-port-unreachable'
  return ['ACCEPT', 'DROP', 'RETURN', 'NOP'].includes(jump) ? jump : `jump ${jump}`
}

function operand(keyword: string, value: string | undefined): readonly string[] {
  return value === undefined ? [] : [`${keyword} ${value}`]
}

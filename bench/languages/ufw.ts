/** Rulesets that are nothing but ACCEPT and DROP in INPUT, as ufw keeps and takes them. */
import type { BenchRuleset } from '../rulesets/ruleset.ts'
import { type InputRule, inputRules } from './input-rules.ts'

/** /etc/ufw/user.rules. The comments are what ufw reads. */
export function ufwUserRules(ruleset: BenchRuleset): string {
  const rules = inputRules(ruleset).flatMap(({ source, protocol, port, verdict }) => [
    `### tuple ### ${verb(verdict)} ${protocol} ${port} 0.0.0.0/0 any ${source} in`,
    `-A ufw-user-input -p ${protocol} --dport ${port} -s ${source} -j ${verdict}`,
    '',
  ])
  return `${[
    '*filter',
    ...CHAINS.map((chain) => `:${chain} - [0:0]`),
    '### RULES ###',
    '',
    ...rules,
    '### END RULES ###',
    '',
    '-A ufw-user-limit -j REJECT',
    '-A ufw-user-limit-accept -j ACCEPT',
    'COMMIT',
  ].join('\n')}\n`
}

const CHAINS = [
  'ufw-user-input',
  'ufw-user-output',
  'ufw-user-forward',
  'ufw-user-limit',
  'ufw-user-limit-accept',
]

/** The arguments that add one rule. */
export function ufwArguments({ source, protocol, port, verdict }: InputRule): readonly string[] {
  return [verb(verdict), 'from', source, 'to', 'any', 'port', port, 'proto', protocol]
}

function verb(verdict: InputRule['verdict']): string {
  return verdict === 'ACCEPT' ? 'allow' : 'deny'
}

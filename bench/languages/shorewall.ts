/** Rulesets that are nothing but ACCEPT and DROP in INPUT, as the files of Shorewall. */
import type { BenchRuleset } from '../rulesets/ruleset.ts'
import { inputRules } from './input-rules.ts'

/** Beside shorewall.conf, by their names. */
export function shorewallFiles(ruleset: BenchRuleset): Readonly<Record<string, string>> {
  const rules = inputRules(ruleset).map(
    ({ source, protocol, port, verdict }) => `${verdict} net:${source} $FW ${protocol} ${port}`,
  )
  return {
    zones: 'fw firewall\nnet ipv4\n',
    interfaces: '?FORMAT 2\nnet net0\n',
    policy: '$FW net ACCEPT\nnet all DROP\nall all REJECT\n',
    rules: `?SECTION NEW\n${rules.join('\n')}\n`,
  }
}

import type { Option } from '../../ruleset/model.ts'
import { atLeast, type Dialect } from '../../ruleset/model.ts'
import { refuse, type TargetExtension } from '../extension.ts'
import { natPorts } from '../values/nat-range.ts'
import { portsNeedProtocol, random } from './nat.ts'

/** libip[6]t_REDIRECT, up to 1.8.8, saves `--random` only along with ports. */
function losesRandom({ version }: Dialect, options: readonly Option[]): boolean {
  return !atLeast(version, [1, 8, 9]) && options.length === 1 && options[0]?.name === 'random'
}

/** libxt_NAT */
export const redirect: TargetExtension = {
  kind: 'target',
  name: 'REDIRECT',
  summary: 'Sends the connection to the host itself.',
  terminating: true,
  tables: ['nat'],
  hooks: ['PREROUTING', 'OUTPUT'],
  options: {
    'to-ports': { value: natPorts('refused'), description: 'The destination ports to use.' },
    random,
  },
  check: portsNeedProtocol,
  caution: (options, { dialect }) =>
    losesRandom(dialect, options)
      ? refuse(
          'changes-meaning',
          'iptables before 1.8.9 does not save REDIRECT --random without ports',
        )
      : undefined,
  print: (options, dialect) => (losesRandom(dialect, options) ? [] : options),
}

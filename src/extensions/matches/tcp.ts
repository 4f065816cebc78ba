import { atLeast, type Dialect, type Option } from '../../ruleset/model.ts'
import type { MatchExtension, Refusal } from '../extension.ts'
import { neverTrue } from '../values/never-matches.ts'
import { integer } from '../values/number.ts'
import { portRange } from '../values/port.ts'
import { portTest, storedByNft } from '../values/port-test.ts'
import { tcpFlags } from '../values/tcp-flags.ts'
import { flag } from '../values/text.ts'

/** libxt_tcp */
export const tcp: MatchExtension = {
  kind: 'match',
  name: 'tcp',
  summary: 'Matches the ports, flags and options of TCP.',
  effect: 'pure',
  implicitFor: ['6'],
  protocols: ['6'],
  mergeable: true,
  storedWhole,
  options: {
    sport: portTest(portRange, 'Source port or port range.', ['source-port']),
    dport: portTest(portRange, 'Destination port or port range.', ['destination-port']),
    'tcp-option': {
      value: integer({ min: 1, max: 255, what: 'TCP option' }),
      description: 'A TCP option that is set.',
      negatable: true,
    },
    'tcp-flags': {
      value: tcpFlags,
      description: 'Flags to look at, and those of them that must be set.',
      negatable: true,
      omit: 'NONE NONE',
      group: 'flags',
    },
    syn: {
      value: flag,
      description: 'Connection requests: SYN set, RST, ACK and FIN clear.',
      negatable: true,
      group: 'flags',
      rewrite: (_values, negated) => ({
        name: 'tcp-flags',
        negated,
        values: ['FIN,SYN,RST,ACK', 'SYN'],
      }),
    },
  },
  caution: looksAtNoFlag,
  print: (options, dialect) =>
    options
      .filter((option) => !isLost(option, dialect))
      .map((option) =>
        usesPayload(dialect) && !storedWhole(options) ? storedByNft(option) : option,
      ),
}

/** nft has no expression for a TCP option, nor for no test at all. */
function storedWhole(options: readonly Option[]): boolean {
  return options.length === 0 || options.some((o) => o.name === 'tcp-option')
}

/** `--tcp-flags NONE SYN`: of no flags at all, SYN is never set. */
function looksAtNoFlag(options: readonly Option[]): Refusal | undefined {
  const option = options.find((o) => o.name === 'tcp-flags' && o.values[0] === 'NONE')
  if (option === undefined) return undefined
  const why = 'it looks at no flag'
  return option.values[1] === 'NONE'
    ? neverTrue({ ...option, negated: !option.negated }, why)
    : neverTrue(option, why)
}

function usesPayload({ backend, version }: Dialect): boolean {
  return backend === 'nft' && atLeast(version, [1, 8, 8])
}

/** Flags under an empty mask are not saved, by legacy only if they are negated. */
function isLost({ name, negated, values }: Option, dialect: Dialect): boolean {
  return name === 'tcp-flags' && values[0] === 'NONE' && (!negated || usesPayload(dialect))
}

import type { Option } from '../../ruleset/model.ts'
import { type OptionSpec, type Refusal, type RuleContext, refuse } from '../extension.ts'
import { hasPorts } from '../values/nat-range.ts'
import { flag } from '../values/text.ts'

/** Flags that several NAT targets share. */
export const random: OptionSpec = { value: flag, description: 'Choose the port at random.' }

export const randomFully: OptionSpec = {
  value: flag,
  description: 'Choose the port fully at random, whatever the old one was.',
}

export const persistent: OptionSpec = {
  value: flag,
  description: 'Give a client the same address for each of its connections.',
}

/** libxt_NAT: ports need `-p` with a protocol that has them. It does not mind a negated one. */
export function portsNeedProtocol(
  options: readonly Option[],
  { spec }: RuleContext,
): Refusal | undefined {
  const target = options.find((o) => o.name.startsWith('to-'))
  const [, ports] = /^(?:\[.*\]|[^:]*):([^:]*)$/.exec(target?.values[0] ?? '') ?? []
  const mapsPorts = target?.name === 'to-ports' || ports !== undefined
  if (!mapsPorts || hasPorts(spec.protocol?.value)) return undefined
  return refuse('needs-protocol', `--${target?.name} with ports needs "-p tcp|udp|sctp|dccp|icmp"`)
}

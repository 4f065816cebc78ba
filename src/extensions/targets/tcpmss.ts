import {
  type Refusal,
  type RuleContext,
  refuse,
  type TargetExtension,
  type ValueType,
} from '../extension.ts'
import { integer } from '../values/number.ts'
import { flag } from '../values/text.ts'

const OVER_IPV4 = integer({ max: 65515, what: 'segment size' })
const OVER_IPV6 = integer({ max: 65495, what: 'segment size' })

/** 65535 without the headers of IP and TCP. */
const SEGMENT_SIZE: ValueType = {
  ...OVER_IPV4,
  name: 'segment size',
  parse: (words, context) =>
    (context.family === 'ipv4' ? OVER_IPV4 : OVER_IPV6).parse(words, context),
  sample: (random, context) =>
    (context.family === 'ipv4' ? OVER_IPV4 : OVER_IPV6).sample(random, context),
}

/** xt_TCPMSS looks for `--syn` among the matches of the rule, unless it comes from nft. */
function legacyNeedsSyn({ spec, dialect }: RuleContext): Refusal | undefined {
  const flags = spec.matches
    .filter((m) => m.module === 'tcp')
    .flatMap((m) => m.options.filter((o) => o.name === 'tcp-flags' && !o.negated))
  const syn = flags.some((o) => o.values[1]?.split(',').includes('SYN'))
  if (syn || dialect.backend === 'nft') return undefined
  const hint = 'add --syn, or --tcp-flags SYN,RST SYN'
  return refuse('missing-option', 'TCPMSS works on SYN packets only', hint)
}

/** libxt_TCPMSS */
export const tcpmssTarget: TargetExtension = {
  kind: 'target',
  name: 'TCPMSS',
  summary: 'Limits the segment size that TCP agrees on.',
  terminating: false,
  protocols: ['6'],
  needsOption: true,
  options: {
    'set-mss': { value: SEGMENT_SIZE, description: 'Lowers the segment size to this.' },
    'clamp-mss-to-pmtu': {
      value: flag,
      description: 'Lowers the segment size to what the path takes.',
      hooks: ['FORWARD', 'OUTPUT', 'POSTROUTING'],
    },
  },
  normalise: (options, { caution }, typed) => {
    if (options.length < 2) return options
    const message = `--set-mss and --clamp-mss-to-pmtu exclude each other: only --${typed[1]?.name} is stored`
    caution(refuse('conflicting-options', message))
    return typed.slice(1)
  },
  check: (_options, rule) => legacyNeedsSyn(rule),
}

import type { Option } from '../../ruleset/model.ts'
import { type MatchExtension, type Refusal, refuse, type ValueContext } from '../extension.ts'
import { integer } from '../values/number.ts'
import { parseRate, rate } from '../values/rate.ts'

/** XT_LIMIT_SCALE: the rate is kept as a cost per packet in units of 1/10000 second. */
const SCALE = 10000
const DEFAULT_BURST = '5'

/** HZ times CREDITS_PER_JIFFY, the same for 250 and 1000 Hz; a little less for 100 Hz. */
const CREDITS = 32000
const WORD = 2 ** 32

/** user2credits of xt_limit, in 32 bits as the kernel computes it. */
function credits(cost: number): number {
  return cost > Math.floor(WORD / CREDITS)
    ? (Math.floor(cost / SCALE) * CREDITS) % WORD
    : Math.floor((cost * CREDITS) / SCALE)
}

/** nft takes a burst of 0 for the default; xt_limit refuses it, and one that overflows. */
function checkBurst(
  options: readonly Option[],
  { dialect }: ValueContext,
): readonly Option[] | Refusal {
  const value = (name: string): string | undefined =>
    options.find((o) => o.name === name)?.values[0]
  const burst = Number(value('limit-burst') ?? DEFAULT_BURST)
  if (dialect.backend === 'nft') {
    return burst === 0 ? options.filter((o) => o.name !== 'limit-burst') : options
  }
  if (burst === 0) return refuse('invalid-value', 'with a burst of 0 the limit never matches')
  const cost = parseRate(value('limit') ?? '', SCALE) ?? 0
  if (credits((cost * burst) % WORD) >= credits(cost)) return options
  const message = `a burst of ${burst} is too much for the rate ${value('limit')} with iptables-legacy`
  return refuse('invalid-value', message, 'lower the burst')
}

/** libxt_limit */
export const limit: MatchExtension = {
  kind: 'match',
  name: 'limit',
  summary: 'Matches at a limited average rate, with a burst (a token bucket for the rule).',
  effect: 'stateful',
  normalise: checkBurst,
  options: {
    limit: {
      value: rate(SCALE),
      description: 'The average rate.',
      preset: '3/hour',
    },
    'limit-burst': {
      value: integer({ max: 10000, what: 'burst' }),
      description: 'How many packets may match at once before the rate counts.',
      omit: DEFAULT_BURST,
    },
  },
}

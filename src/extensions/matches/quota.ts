import type { MatchExtension } from '../extension.ts'
import { bigInteger } from '../values/big-integer.ts'
import { impossible } from '../values/never-matches.ts'

/** libxt_quota */
export const quota: MatchExtension = {
  kind: 'match',
  name: 'quota',
  summary: 'Matches until so many bytes have matched.',
  effect: 'stateful',
  options: {
    quota: {
      value: bigInteger({ what: 'quota' }),
      description: 'The quota in bytes.',
      negatable: true,
      required: true,
    },
  },
  caution: (options) => impossible(options, { quota: '0' }, 'the quota is used up from the start'),
}

import type { MatchExtension } from '../extension.ts'
import { name } from '../values/name.ts'
import { integer } from '../values/number.ts'

/** libxt_osf; MAXGENRELEN is 32. It may write a log line, so its place among the matches counts. */
export const osf: MatchExtension = {
  kind: 'match',
  name: 'osf',
  summary: 'Matches the operating system of the sender by its SYN packet.',
  families: ['ipv4'],
  effect: 'stateful',
  protocols: ['6'],
  hooks: ['PREROUTING', 'INPUT', 'FORWARD'],
  options: {
    genre: {
      value: name({ what: 'genre', max: 31, examples: ['Linux', 'Windows', 'unknown'] }),
      description: 'The genre, as the loaded fingerprints name it.',
      negatable: true,
      required: true,
    },
    ttl: {
      value: integer({ max: 2, what: 'TTL check' }),
      description: '0: the TTL is that of the fingerprint; 1: it is less; 2: it does not count.',
    },
    log: {
      value: integer({ max: 2, what: 'log mode' }),
      description: 'Log 0: all that match or are unknown, 1: the first one, 2: all that are known.',
    },
  },
}

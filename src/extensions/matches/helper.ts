import type { MatchExtension } from '../extension.ts'
import { text } from '../values/text.ts'

/** libxt_helper: 30 bytes with the final NUL. */
export const helper: MatchExtension = {
  kind: 'match',
  name: 'helper',
  summary: 'Matches connections that a conntrack helper expected.',
  effect: 'pure',
  options: {
    helper: {
      value: text({
        what: 'helper name',
        max: 29,
        overlong: 'cut',
        examples: ['ftp', 'sip-5060', ''],
      }),
      description: 'The name of the helper, with its port if that is not the usual; empty is any.',
      negatable: true,
      required: true,
    },
  },
}

import type { MatchExtension } from '../extension.ts'
import { text } from '../values/text.ts'

/** libxt_nfacct; NFACCT_NAME_MAX is 32. A save has two blanks before the name. */
export const nfacct: MatchExtension = {
  kind: 'match',
  name: 'nfacct',
  summary: 'Counts the packet in an accounting object; always matches.',
  effect: 'stateful',
  needsHost: 'an accounting object (nfacct add NAME)',
  options: {
    'nfacct-name': {
      value: text({
        what: 'accounting object name',
        min: 1,
        max: 31,
        overlong: 'cut',
        examples: ['http-traffic'],
      }),
      description: 'The name of the accounting object.',
      required: true,
    },
  },
}

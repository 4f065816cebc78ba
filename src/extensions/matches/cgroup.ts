import type { MatchExtension } from '../extension.ts'
import { integer } from '../values/number.ts'
import { text } from '../values/text.ts'

/** libxt_cgroup, revision 2 */
export const cgroup: MatchExtension = {
  kind: 'match',
  name: 'cgroup',
  summary: 'Matches the control group of the process that the packet is from or for.',
  effect: 'pure',
  hooks: ['INPUT', 'OUTPUT', 'POSTROUTING'],
  needsOption: true,
  options: {
    path: {
      value: text({ what: 'cgroup path', max: 511, overlong: 'cut', examples: ['/', ''] }),
      description: 'The path of a cgroup of version 2, which must exist; those below it match too.',
      negatable: true,
      group: 'cgroup',
    },
    cgroup: {
      value: integer({ max: 0xffffffff, what: 'class id' }),
      description: 'The class id that net_cls (version 1) has set.',
      negatable: true,
      group: 'cgroup',
    },
  },
}

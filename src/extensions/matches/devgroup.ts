import type { MatchExtension } from '../extension.ts'
import { deviceGroup } from '../values/device-group.ts'
import { outsideMask } from '../values/never-matches.ts'

/** libxt_devgroup */
export const devgroup: MatchExtension = {
  kind: 'match',
  name: 'devgroup',
  summary: 'Matches the group of the interface that the packet comes in or goes out by.',
  effect: 'pure',
  needsOption: true,
  options: {
    'src-group': {
      value: deviceGroup,
      description: 'The group of the incoming interface.',
      negatable: true,
      hooks: ['PREROUTING', 'INPUT', 'FORWARD'],
    },
    'dst-group': {
      value: deviceGroup,
      description: 'The group of the outgoing interface.',
      negatable: true,
      hooks: ['FORWARD', 'OUTPUT', 'POSTROUTING'],
    },
  },
  caution: outsideMask,
}

import { type MatchExtension, refuse } from '../extension.ts'
import { idRange } from '../values/id-range.ts'
import { flag } from '../values/text.ts'

/** libxt_owner, revision 1; xt_owner looks at the sender's socket, so only where there is one. */
export const owner: MatchExtension = {
  kind: 'match',
  name: 'owner',
  summary: 'Matches the local process that sends the packet.',
  effect: 'pure',
  hooks: ['OUTPUT', 'POSTROUTING'],
  needsOption: true,
  options: {
    'socket-exists': {
      value: flag,
      description: 'The packet belongs to a socket.',
      negatable: true,
    },
    'uid-owner': {
      value: idRange('user'),
      description: 'The user that owns the socket.',
      negatable: true,
    },
    'gid-owner': {
      value: idRange('group'),
      description: 'The group that owns the socket.',
      negatable: true,
    },
    'suppl-groups': {
      value: flag,
      description: 'Look at the supplementary groups of the socket too.',
      needs: ['gid-owner'],
    },
  },
  normalise: (options, _context, typed) => {
    const at = (name: string): number => typed.findIndex((o) => o.name === name)
    return at('suppl-groups') >= 0 && at('suppl-groups') < at('gid-owner')
      ? refuse('conflicting-options', '--suppl-groups needs --gid-owner before it')
      : options
  },
}

import type { MatchExtension } from '../extension.ts'
import { abbreviatedList } from '../values/abbreviated-list.ts'
import { STATES } from './conntrack.ts'

/** libxt_conntrack: stored as `conntrack --ctstate`, but saved as typed. */
export const state: MatchExtension = {
  kind: 'match',
  name: 'state',
  summary: 'Matches the state of the connection; the older spelling of `conntrack --ctstate`.',
  effect: 'pure',
  synonymOf: 'conntrack',
  options: {
    state: {
      value: abbreviatedList({ what: 'connection state', words: STATES }),
      description: 'The states of the connection, any of them.',
      negatable: true,
      required: true,
      fold: (option) => ({ ...option, name: 'ctstate' }),
    },
  },
}

import type { MatchExtension } from '../extension.ts'
import { flag } from '../values/text.ts'

/** libxt_socket, revision 3. `--restore-skmark` changes the mark, so its place counts. */
export const socket: MatchExtension = {
  kind: 'match',
  name: 'socket',
  summary: 'Matches if the packet belongs to a local socket.',
  effect: 'stateful',
  hooks: ['PREROUTING', 'INPUT'],
  options: {
    transparent: { value: flag, description: 'Only transparent sockets count.' },
    nowildcard: { value: flag, description: 'Sockets that listen on any address count too.' },
    'restore-skmark': {
      value: flag,
      description: 'Set the mark of the packet to that of the socket if it matches.',
    },
  },
}

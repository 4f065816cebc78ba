import type { MatchExtension } from '../extension.ts'

/** libip6t_eui64 */
export const eui64: MatchExtension = {
  kind: 'match',
  name: 'eui64',
  summary: 'Matches if the interface identifier of the source address is made of its MAC address.',
  families: ['ipv6'],
  effect: 'pure',
  hooks: ['PREROUTING', 'INPUT', 'FORWARD'],
  options: {},
}

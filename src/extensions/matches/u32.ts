import type { MatchExtension } from '../extension.ts'
import { u32Tests } from '../values/u32-tests.ts'

/** libxt_u32 */
export const u32: MatchExtension = {
  kind: 'match',
  name: 'u32',
  summary: 'Matches numbers of up to 4 bytes at computed places in the packet.',
  effect: 'pure',
  options: {
    u32: {
      value: u32Tests,
      description: 'The tests, all of which must hold.',
      negatable: true,
      required: true,
    },
  },
}

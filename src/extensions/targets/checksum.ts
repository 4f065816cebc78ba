import type { TargetExtension } from '../extension.ts'
import { flag } from '../values/text.ts'

/** libxt_CHECKSUM */
export const checksum: TargetExtension = {
  kind: 'target',
  name: 'CHECKSUM',
  summary: 'Fills in the checksum of a packet that lacks one.',
  terminating: false,
  tables: ['mangle'],
  options: {
    'checksum-fill': { value: flag, description: 'Computes the checksum.', required: true },
  },
}

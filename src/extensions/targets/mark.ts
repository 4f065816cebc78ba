import type { TargetExtension } from '../extension.ts'
import { markOperations } from '../values/bit-operation.ts'

/** libxt_MARK, revision 2: mark = (mark & ~mask) ^ value. */
export const markTarget: TargetExtension = {
  kind: 'target',
  name: 'MARK',
  summary: 'Sets the netfilter mark of the packet.',
  terminating: false,
  needsOption: true,
  options: markOperations('mark'),
}

import type { TargetExtension } from '../extension.ts'
import { choice } from '../values/choice.ts'

/** libxt_AUDIT */
export const audit: TargetExtension = {
  kind: 'target',
  name: 'AUDIT',
  summary: 'Writes an audit record of the packet and goes on with the next rule.',
  terminating: false,
  options: {
    type: {
      value: choice({
        what: 'audit type',
        values: { accept: 'accept', drop: 'drop', reject: 'reject' },
      }),
      description: 'What is going to happen to the packet; Linux has ignored it since 4.12.',
      required: true,
    },
  },
}

import type { TargetExtension } from '../extension.ts'
import { name } from '../values/name.ts'

/** libxt_SECMARK */
export const secmark: TargetExtension = {
  kind: 'target',
  name: 'SECMARK',
  summary: 'Sets the security mark of the packet.',
  terminating: false,
  tables: ['mangle', 'security'],
  needsHost: 'SELinux must know the context',
  options: {
    selctx: {
      value: name({
        what: 'security context',
        max: 255,
        examples: ['system_u:object_r:httpd_packet_t:s0'],
      }),
      description: 'The SELinux context.',
      required: true,
    },
  },
}

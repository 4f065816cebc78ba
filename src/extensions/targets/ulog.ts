import type { TargetExtension } from '../extension.ts'
import { integer } from '../values/number.ts'
import { text } from '../values/text.ts'

/** libipt_ULOG; gone from Linux since 3.17. */
export const ulog: TargetExtension = {
  kind: 'target',
  name: 'ULOG',
  summary: 'Passes the packet to a log daemon; NFLOG has taken its place.',
  families: ['ipv4'],
  terminating: false,
  needsHost: 'the kernel has it up to 3.16 only',
  options: {
    'ulog-prefix': {
      value: text({ what: 'prefix', min: 1, max: 31, overlong: 'cut', examples: ['dropped: '] }),
      description: 'What the log line begins with, up to 31 bytes.',
    },
    'ulog-nlgroup': {
      value: integer({ min: 1, max: 32, what: 'group' }),
      description: 'The netlink group that the daemon listens to.',
      omit: '1',
    },
    'ulog-cprange': {
      value: integer({ max: 0xffffffff, what: 'number of bytes' }),
      description: 'How many bytes of the packet are passed on; 0 is all.',
      omit: '0',
    },
    'ulog-qthreshold': {
      value: integer({ min: 1, max: 50, what: 'number of packets' }),
      description: 'How many packets are collected before they are passed on.',
      omit: '1',
    },
  },
}

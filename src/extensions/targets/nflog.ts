import { atLeast, type Dialect } from '../../ruleset/model.ts'
import { refuse, type TargetExtension } from '../extension.ts'
import { integer } from '../values/number.ts'
import { text } from '../values/text.ts'

/** nft from 1.8.8 on makes it a log expression, which has room for more, but no range. */
function isLogExpression({ backend, version }: Dialect): boolean {
  return backend === 'nft' && atLeast(version, [1, 8, 8])
}

/** libxt_NFLOG */
export const nflog: TargetExtension = {
  kind: 'target',
  name: 'NFLOG',
  summary: 'Passes the packet to a log daemon and goes on with the next rule.',
  terminating: false,
  options: {
    'nflog-prefix': {
      value: text({
        what: 'prefix',
        min: 1,
        max: ({ dialect }) => (isLogExpression(dialect) ? 127 : 63),
        overlong: 'cut',
        examples: ['dropped: ', 'ssh'],
      }),
      description: 'What the log line begins with, up to 63 bytes (127 with nft).',
    },
    'nflog-group': {
      value: integer({ max: 65535, what: 'group' }),
      description: 'The netlink group that the daemon listens to.',
      omit: '0',
    },
    'nflog-range': {
      value: integer({ max: 0xffffffff, what: 'number of bytes' }),
      description: 'Never worked: use nflog-size.',
      group: 'size',
      omit: '0',
    },
    'nflog-size': {
      value: integer({ max: 0xffffffff, what: 'number of bytes' }),
      description: 'How many bytes of the packet are passed on.',
      group: 'size',
    },
    'nflog-threshold': {
      value: integer({ max: 65535, what: 'number of packets' }),
      description: 'How many packets are collected before they are passed on.',
      omit: '0',
    },
  },
  normalise: (options, { dialect, caution }) => {
    if (!options.some((o) => o.name === 'nflog-range')) return options
    const message = '--nflog-range has never had an effect, and nft does not keep it'
    caution(refuse('changes-meaning', message, 'use --nflog-size'))
    return isLogExpression(dialect) ? options.filter((o) => o.name !== 'nflog-range') : options
  },
}

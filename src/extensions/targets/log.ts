import type { TargetExtension, ValueType } from '../extension.ts'
import { choice } from '../values/choice.ts'
import { parseNumber } from '../values/number.ts'
import { flag, text } from '../values/text.ts'

const LEVELS = {
  emerg: '0',
  panic: '0',
  alert: '1',
  crit: '2',
  error: '3',
  warning: '4',
  notice: '5',
  info: '6',
  debug: '7',
}
const NAMES = choice({ what: 'log level', values: LEVELS, caseSensitive: true })

/** A number or a name, saved as a number. */
const LEVEL: ValueType = {
  ...NAMES,
  parse: (words, context) => {
    const number = parseNumber(words[0] ?? '')
    return number !== undefined && number <= 7n ? [String(number)] : NAMES.parse(words, context)
  },
  schema: { anyOf: [{ type: 'integer', minimum: 0, maximum: 7 }, { enum: Object.keys(LEVELS) }] },
  sample: (random, context) =>
    random(3) === 0
      ? [['0x4', '07', String(random(8))][random(3)] as string]
      : NAMES.sample(random, context),
}

/** libxt_LOG: the prefix has 30 bytes with the final NUL; longer ones are cut without a word. */
export const log: TargetExtension = {
  kind: 'target',
  name: 'LOG',
  summary: 'Writes the packet to the kernel log and goes on with the next rule.',
  terminating: false,
  options: {
    'log-prefix': {
      value: text({ what: 'prefix', min: 1, max: 29, overlong: 'cut', examples: ['dropped: '] }),
      description: 'What the log line begins with, up to 29 bytes.',
    },
    'log-level': {
      value: LEVEL,
      description: 'The syslog level, by name or number.',
      omit: '4',
    },
    'log-tcp-sequence': { value: flag, description: 'Log TCP sequence numbers.' },
    'log-tcp-options': { value: flag, description: 'Log the options of the TCP header.' },
    'log-ip-options': { value: flag, description: 'Log the options of the IP header.' },
    'log-uid': { value: flag, description: 'Log the user who sent the packet.' },
    'log-macdecode': { value: flag, description: 'Log the hardware addresses decoded.' },
  },
}

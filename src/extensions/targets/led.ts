import { refuse, type TargetExtension, type ValueType } from '../extension.ts'
import { parseBounded } from '../values/number.ts'
import { flag, text } from '../values/text.ts'

/**
 * Milliseconds, or "inf". libxt_LED saves it with a sign, so that "inf" is saved as -1, which it
 * does not read again.
 */
const DELAY: ValueType = {
  name: 'delay',
  words: 1,
  parse: ([word = ''], { caution }) => {
    const isSigned = /^-[1-9][0-9]*$/.test(word)
    const read =
      word.toLowerCase() === 'inf'
        ? -1
        : isSigned
          ? Number(word)
          : parseBounded(word, { max: 0xffffffff, what: 'delay' })
    if (typeof read !== 'number') return read
    const stored = read | 0
    if (stored < 0) {
      const message = `iptables saves the delay ${word} as ${stored} and can not load that again`
      caution(refuse('changes-meaning', message, `at most ${0x7fffffff} milliseconds`))
    }
    return [String(stored)]
  },
  schema: { anyOf: [{ type: 'integer', minimum: 0 }, { type: 'string' }] },
  description: 'a number of milliseconds',
  examples: [500],
  sample: (random) => [String(random(100000))],
}

/** libxt_LED */
export const led: TargetExtension = {
  kind: 'target',
  name: 'LED',
  summary: 'Blinks a light.',
  terminating: false,
  needsHost: 'the kernel must have LED triggers',
  options: {
    'led-trigger-id': {
      value: text({
        what: 'trigger name',
        min: 1,
        max: 16,
        overlong: 'refused',
        quote: 'always',
        pattern: /^[^"'\\]*$/,
        examples: ['ssh'],
      }),
      description: 'The name of the trigger, to which "netfilter-" is put in front.',
      required: true,
    },
    'led-delay': {
      value: DELAY,
      description: 'How long the light stays on after a packet.',
      omit: '0',
    },
    'led-always-blink': {
      value: flag,
      description: 'Blinks on a packet even if the light is on already.',
    },
  },
}

import { type MatchExtension, refuse, type ValueType } from '../extension.ts'
import { between, parseNumber, spell } from '../values/number.ts'
import { flag } from '../values/text.ts'

/** XT_CONNLABEL_MAXBIT */
const MAX_LABEL = 127

/** A name stays as it is: only /etc/xtables/connlabel.conf of the host knows its number. */
const label: ValueType = {
  name: 'connection label',
  words: 1,
  parse: ([word = '']) => {
    const number = parseNumber(word)
    if (number !== undefined && number <= BigInt(MAX_LABEL)) return [String(number)]
    if (number === undefined && /^[^\s"'\\]+$/.test(word)) return [word]
    return refuse('invalid-value', `"${word}" is not a label`, `0 to ${MAX_LABEL}, or a name`)
  },
  quote: 'always',
  schema: { anyOf: [{ type: 'integer', minimum: 0, maximum: MAX_LABEL }, { type: 'string' }] },
  description: 'a label, 0 to 127, or its name in connlabel.conf',
  examples: [40, 'bulk-traffic'],
  sample: (random) => [spell(random, between(random, 0, MAX_LABEL))],
}

/** libxt_connlabel */
export const connlabel: MatchExtension = {
  kind: 'match',
  name: 'connlabel',
  summary: 'Matches, and sets, labels of the connection.',
  effect: 'pure',
  effectOf: (options) => (options.some((o) => o.name === 'set') ? 'stateful' : 'pure'),
  options: {
    label: {
      value: label,
      description: 'The label that the connection has.',
      negatable: true,
      required: true,
    },
    set: { value: flag, description: 'Set the label if the connection does not have it.' },
  },
}
